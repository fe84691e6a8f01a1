/*
 * A disk that loses its power, for `power_cut.rs`: preloaded into the portal, it keeps beside the data folder (POWER_CUT_FROM) a
 * shadow of it (POWER_CUT_TO), which holds at any moment what a disk would hold if the power went away now. So a test kills the
 * portal and starts it again on the shadow. `kill -9` alone proves less: what was written and not synced survives it.
 *
 * The model is ext4 with data=ordered and without auto_da_alloc, at its worst:
 * - What was written is not there before an fsync or fdatasync of that file has begun, and then what had been written by then.
 *   A file that was never synced has its name and no content. A cut in the middle of a sync leaves half of it.
 * - Names (create, truncate by opening, rename, link, unlink, mkdir, rmdir) reach the disk in the order in which they were made,
 *   because they go through one journal: by POWER_CUT_NAMES either at once, which a commit of the journal may do at any time
 *   (so a file may be gone before what replaces it has content), or if it is "late" with the next sync of anything, which
 *   always commits the journal. Not modelled, because ext4 does not do it: names out of order.
 * - What was there when the process started is on the disk, so the test begins with a shadow that is a copy.
 * Modes are not kept: what the portal makes is for its user alone.
 *
 * It relies on how things are written: surrealkv 0.21.4, redb 4.6 and the portal's own key file use nothing but Rust's std::fs,
 * which calls the functions of libc below by their names. No O_DIRECT, no writable mmap, no io_uring, no fallocate, no
 * copy_file_range but in checkpoints, which the portal does not make. surrealkv appends to its log with write, writes
 * tables by write (from their beginning, into new files) and replaces its manifest by a synced file of another name and
 * rename. It syncs files and folders by fsync (`sync_all`) on any descriptor of the same file: so what is dirty is known by
 * inode. redb writes over its one file, its head last in time and first in place, and calls fdatasync: so a cut in the middle
 * leaves the new head without what it points to.
 *
 * Two files in the shadow steer it while the process runs:
 * - `.off`: nothing reaches the shadow any more; the disk says that it has synced and has not. The control run.
 * - `.cut`: the process kills itself at the POWER_CUT_AFTER-th change of the shadow since.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Calls go to the kernel directly: what this file does itself must not come back to it. */
#define REAL(name, ...) syscall(SYS_##name, __VA_ARGS__)

enum what { CREATE, EMPTY, RENAME, LINK, UNLINK, RMDIR, MKDIR };
struct change { enum what what; char *path, *other; struct change *next; };
struct dirty { dev_t device; ino_t inode; off_t from, to; };

/* One for everything, so that the shadow changes in the order in which the folder does. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static char from[PATH_MAX], to[PATH_MAX];
static size_t from_length;
static int names_late;
static long cut_after, changes;
static struct dirty dirty[1024];
static size_t dirty_count;
static struct change *first, **last = &first;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_CUT_FROM"), *shadow = getenv("POWER_CUT_TO");
    const char *names = getenv("POWER_CUT_NAMES"), *after = getenv("POWER_CUT_AFTER");
    if (!folder || !shadow || !realpath(folder, from) || !realpath(shadow, to)) return;
    from_length = strlen(from);
    names_late = names && !strcmp(names, "late");
    cut_after = after ? atol(after) : 0;
}

/* A shadow that is not what it says would make the test pass for nothing. */
static void broken(const char *what, const char *path) {
    fprintf(stderr, "power_cut.c: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

static int there(const char *name) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/%s", to, name);
    return REAL(faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* Whether the power goes away with the change that comes now. */
static int is_cut(void) {
    return cut_after && there(".cut") && ++changes == cut_after;
}

static void cut(void) {
    kill(getpid(), SIGKILL);
    pause();
}

/* Where the shadow of a path is; not for paths elsewhere. */
static int shadow_of(int folder, const char *path, char *out) {
    char link[64], full[2 * PATH_MAX];
    if (!from_length) return 0;
    if (path && path[0] == '/') {
        snprintf(full, sizeof full, "%s", path);
    } else {
        if (folder == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = REAL(readlinkat, AT_FDCWD, link, full, PATH_MAX);
        if (length < 0) return 0;
        snprintf(full + length, sizeof full - length, path ? "/%s" : "%s", path ? path : "");
    }
    if (strncmp(full, from, from_length) || (full[from_length] && full[from_length] != '/')) return 0;
    return snprintf(out, PATH_MAX, "%s%s", to, full + from_length) < PATH_MAX;
}

static int is_file(int fd, struct stat *stat, char *shadow) {
    return from_length && !fstat(fd, stat) && S_ISREG(stat->st_mode) && shadow_of(fd, NULL, shadow);
}

static void apply(const struct change *change) {
    const char *path = change->path, *other = change->other;
    long done = 0;
    switch (change->what) {
    case CREATE:
    case EMPTY:
        done = REAL(openat, AT_FDCWD, path, O_WRONLY | O_CREAT | (change->what == EMPTY ? O_TRUNC : 0), 0600);
        if (done >= 0) REAL(close, done);
        break;
    case RENAME: done = REAL(renameat2, AT_FDCWD, path, AT_FDCWD, other, 0); break;
    case LINK: done = REAL(linkat, AT_FDCWD, path, AT_FDCWD, other, 0); break;
    case UNLINK: done = REAL(unlinkat, AT_FDCWD, path, 0); break;
    case RMDIR: done = REAL(unlinkat, AT_FDCWD, path, AT_REMOVEDIR); break;
    case MKDIR: done = REAL(mkdirat, AT_FDCWD, path, 0700); break;
    }
    if (done < 0) broken("can't do in the shadow what was done to", path);
}

static void names_reach_the_disk(void) {
    while (first) {
        struct change *change = first;
        if (is_cut()) cut();
        apply(change);
        if (!(first = change->next)) last = &first;
        free(change->path);
        free(change->other);
        free(change);
    }
}

/* After a call that changed a name in the folder; `other` is NULL where there is but one. */
static void note(enum what what, const char *path, const char *other) {
    if (there(".off")) return;
    struct change *change = calloc(1, sizeof *change);
    if (!change) broken("no memory for", path);
    *change = (struct change){ what, strdup(path), other ? strdup(other) : NULL, NULL };
    *last = change;
    last = &change->next;
    if (!names_late) names_reach_the_disk();
}

static struct dirty *dirty_part(const struct stat *stat) {
    for (size_t i = 0; i < dirty_count; i++)
        if (dirty[i].inode == stat->st_ino && dirty[i].device == stat->st_dev) return &dirty[i];
    return NULL;
}

static void mark(const struct stat *stat, off_t start, off_t end) {
    struct dirty *part = dirty_part(stat);
    if (!part) {
        if (dirty_count == sizeof dirty / sizeof *dirty) broken("too many unsynced files in", from);
        part = &dirty[dirty_count++];
        *part = (struct dirty){ stat->st_dev, stat->st_ino, start, end };
    }
    if (start < part->from) part->from = start;
    if (end > part->to) part->to = end;
}

/* What is dirty in a file goes to the shadow. */
static void content_reaches_the_disk(int fd, const char *shadow) {
    char link[64], block[1 << 16];
    struct stat stat;
    if (fstat(fd, &stat)) broken("can't look at", shadow);
    if (!S_ISREG(stat.st_mode) || !stat.st_nlink) return;
    struct dirty *part = dirty_part(&stat);
    off_t at = part ? part->from : stat.st_size, end = part && part->to < stat.st_size ? part->to : stat.st_size;
    int torn = is_cut();
    if (torn && at < end) end = at + (end - at) / 2;
    if (part) *part = dirty[--dirty_count];

    /* Opened anew, because the descriptor may be for writing alone. */
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int source = REAL(openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC);
    int target = REAL(openat, AT_FDCWD, shadow, O_WRONLY | O_CLOEXEC);
    if (source < 0 || target < 0) broken("can't open", shadow);
    while (at < end) {
        size_t wanted = end - at < (off_t)sizeof block ? (size_t)(end - at) : sizeof block;
        ssize_t got = REAL(pread64, source, block, wanted, at);
        if (got <= 0 || REAL(pwrite64, target, block, got, at) != got) broken("can't copy", shadow);
        at += got;
    }
    if (torn) cut();
    if (REAL(ftruncate, target, stat.st_size)) broken("can't cut to length", shadow);
    REAL(close, source);
    REAL(close, target);
}

/* In the shadow before the disk is asked: what is written while a sync is under way is not part of it. */
static void sync_shadow(int fd) {
    char shadow[PATH_MAX];
    if (!shadow_of(fd, NULL, shadow)) return;
    pthread_mutex_lock(&one_at_a_time);
    if (!there(".off")) {
        names_reach_the_disk();
        content_reaches_the_disk(fd, shadow);
    }
    pthread_mutex_unlock(&one_at_a_time);
}

int fsync(int fd) { sync_shadow(fd); return REAL(fsync, fd); }
int fdatasync(int fd) { sync_shadow(fd); return REAL(fdatasync, fd); }

/* The call, and the part of the file that it changed: `start` and `end` may use `done`. */
#define CHANGES_CONTENT(call, start, end)                     \
    char shadow[PATH_MAX];                                    \
    struct stat stat;                                         \
    if (!is_file(fd, &stat, shadow)) return call;             \
    pthread_mutex_lock(&one_at_a_time);                       \
    ssize_t done = call;                                      \
    int error = errno;                                        \
    if (done >= 0) mark(&stat, start, end);                \
    pthread_mutex_unlock(&one_at_a_time);                     \
    errno = error;                                            \
    return done

#define POSITION REAL(lseek, fd, 0, SEEK_CUR)

ssize_t write(int fd, const void *data, size_t n) { CHANGES_CONTENT(REAL(write, fd, data, n), POSITION - done, POSITION); }
ssize_t writev(int fd, const struct iovec *v, int n) { CHANGES_CONTENT(REAL(writev, fd, v, n), POSITION - done, POSITION); }
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) { CHANGES_CONTENT(REAL(pwrite64, fd, data, n, at), at, at + done); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { CHANGES_CONTENT(REAL(pwritev, fd, v, n, at, 0), at, at + done); }
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { return pwritev64(fd, v, n, at); }
int ftruncate64(int fd, off64_t length) { CHANGES_CONTENT(REAL(ftruncate, fd, length), length, length); }
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* The call, and what to note if it went well and is about the folder: one path in it, or both. */
#define CHANGES_NAMES(call, what, d, p, both, e, q)                                          \
    char a[PATH_MAX], b[PATH_MAX];                                                           \
    if (!shadow_of(d, p, a) || (both && !shadow_of(e, q, b))) return call;                   \
    pthread_mutex_lock(&one_at_a_time);                                                      \
    long done = call;                                                                        \
    int error = errno;                                                                       \
    if (done >= 0) note(what, a, both ? b : NULL);                                           \
    pthread_mutex_unlock(&one_at_a_time);                                                    \
    errno = error;                                                                           \
    return done
#define ONE(call, what) CHANGES_NAMES(call, what, d, p, 0, d, p)
#define BOTH(call, what) CHANGES_NAMES(call, what, d, p, 1, e, q)

int renameat(int d, const char *p, int e, const char *q) { BOTH(REAL(renameat2, d, p, e, q, 0), RENAME); }
int linkat(int d, const char *p, int e, const char *q, int flags) { BOTH(REAL(linkat, d, p, e, q, flags), LINK); }
int unlinkat(int d, const char *p, int flags) { ONE(REAL(unlinkat, d, p, flags), flags & AT_REMOVEDIR ? RMDIR : UNLINK); }
int mkdirat(int d, const char *p, mode_t mode) { ONE(REAL(mkdirat, d, p, mode), MKDIR); }
int rename(const char *p, const char *q) { return renameat(AT_FDCWD, p, AT_FDCWD, q); }
int link(const char *p, const char *q) { return linkat(AT_FDCWD, p, AT_FDCWD, q, 0); }
int unlink(const char *p) { return unlinkat(AT_FDCWD, p, 0); }
int rmdir(const char *p) { return unlinkat(AT_FDCWD, p, AT_REMOVEDIR); }
int mkdir(const char *p, mode_t mode) { return mkdirat(AT_FDCWD, p, mode); }

static int opened(int d, const char *p, int flags, mode_t mode) {
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE) return REAL(openat, d, p, flags, mode);
    ONE(REAL(openat, d, p, flags, mode), flags & O_TRUNC ? EMPTY : CREATE);
}

#define OPENED(d, p, flags)                                   \
    va_list rest;                                             \
    va_start(rest, flags);                                    \
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                             \
    return opened(d, p, flags, mode)

int open(const char *p, int flags, ...) { OPENED(AT_FDCWD, p, flags); }
int open64(const char *p, int flags, ...) { OPENED(AT_FDCWD, p, flags); }
int openat(int d, const char *p, int flags, ...) { OPENED(d, p, flags); }
int openat64(int d, const char *p, int flags, ...) { OPENED(d, p, flags); }

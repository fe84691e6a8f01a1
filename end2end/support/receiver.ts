import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Whatever takes messages over HTTP. */
export class Receiver {
  readonly bodies: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on("request", (request, response) => {
      const parts: Uint8Array[] = [];
      request.on("data", (part: Uint8Array) => parts.push(part));
      request.on("end", () => {
        receiver.bodies.push(Buffer.concat(parts).toString());
        response.end("ok");
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    return receiver;
  }

  /** An address of it. */
  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${path}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

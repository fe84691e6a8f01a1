/** Somebody who can sign in. */
export interface Person {
  name: string;
  email: string;
  password: string;
}

export const ADMIN: Person = {
  name: "Ada Admin",
  email: "ada@example.com",
  password: "copper lantern walks seventeen rivers",
};

export const LEAD: Person = {
  name: "Lea Lead",
  email: "lea@example.com",
  password: "paper windmill under quiet harbour",
};

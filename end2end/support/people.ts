/** Somebody who can sign in. */
export interface Person {
  name: string;
  email: string;
  password: string;
  may: "admin" | "lead";
}

/** Has set up every portal. */
export const ADMIN: Person = {
  name: "Ada Admin",
  email: "ada@example.com",
  password: "copper lantern walks seventeen rivers",
  may: "admin",
};

export const OTHER_ADMIN: Person = {
  name: "Bea Builder",
  email: "bea@example.com",
  password: "seven umbrellas above a silent quarry",
  may: "admin",
};

export const LEAD: Person = {
  name: "Lea Lead",
  email: "lea@example.com",
  password: "paper windmill under quiet harbour",
  may: "lead",
};

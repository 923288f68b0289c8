/** A catalogue that says the same as the English one: no sentence is missing, none is left over. */
export type Translated<Catalogue> = { [Name in keyof Catalogue]: string };

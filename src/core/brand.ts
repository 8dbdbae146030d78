declare const brand: unique symbol;

/** A `T` that only its own constructor makes, so that two meanings of one shape can't be mixed up. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** What proves to a registry who one is. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  /** Is exchanged for tokens, so that no password is kept. */
  | { readonly identityToken: string }
  /** Is sent as it is. */
  | { readonly registryToken: string };

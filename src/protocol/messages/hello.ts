import { name, optional, text, type UnionOf, whole } from '../fields.ts';

/** The fields by which a client says who it is. */
export const hello = {
  /** The name of the client. */
  client: name,
  /** Proves the name (client-name.ts). A link without it speaks for no client that has a secret. */
  secret: optional(text),
  /** The process and its host: they tell the controller whether the client lives when its link breaks. */
  pid: optional(whole),
  host: optional(text),
};

/** Client → engine or controller, first on each link: this is who I am. */
export interface HelloMessage extends UnionOf<'type', { readonly hello: typeof hello }> {}

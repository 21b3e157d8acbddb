import { createHash, randomBytes } from 'node:crypto';

/** A client's name on the wire, and the secret that it alone knows: the name is made from a hash of the secret. */
export interface ClientProof {
  /** A UUID of version 8. Task ids begin with it, so that everybody may know it. */
  readonly client: string;
  /** Goes to engines and the controller of the cluster, once for each link. */
  readonly secret: string;
}

/** Bits of a secret / 8. */
const SECRET_BYTES = 24;
/** The longest secret that is looked at, in characters. */
const MAX_SECRET = 64;
/** Names of version 8 (https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8): nobody else makes them. */
const PROVABLE = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

/** A new name with its secret. */
export function newClientProof(): ClientProof {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { client: nameOf(secret), secret };
}

/** True for a name that needs its secret: those of all clients of this library. Any other one is a mere nickname. */
export function isProvable(name: string): boolean {
  return PROVABLE.test(name);
}

/** True if this is the secret of that name; also for a nickname, which has none. */
export function proves(name: string, secret: string | undefined): boolean {
  if (!isProvable(name)) return true;
  return secret !== undefined && secret.length <= MAX_SECRET && nameOf(secret) === name;
}

function nameOf(secret: string): string {
  const hex = createHash('sha256').update(secret).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18, 30)}`;
}

import { inspect } from 'node:util';
import { capability, curveKeyPair } from 'zeromq';
import { ConnectionError } from '../../errors.ts';
import type { SocketRole } from '../transport.ts';

/** The parties of a cluster. All processes of one party share a key pair. */
export const PARTIES = ['controller', 'client', 'engine'] as const;

/** One of PARTIES. */
export type ClusterParty = (typeof PARTIES)[number];

/** The party that listens at a socket, and those that may connect to it. */
interface SocketRule {
  readonly owner: ClusterParty;
  readonly admits: readonly ClusterParty[];
}

/** Every socket of a cluster: a key that is not admitted here is refused before it can send a byte. */
export const SOCKETS: Readonly<Record<SocketRole, SocketRule>> = {
  tasks: { owner: 'engine', admits: ['client'] },
  control: { owner: 'engine', admits: ['client', 'controller'] },
  peers: { owner: 'engine', admits: ['engine'] },
  roster: { owner: 'controller', admits: ['client'] },
  registry: { owner: 'controller', admits: ['engine'] },
};

/** Both keys of a CURVE pair: 40 characters of Z85 each. */
interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** Credentials as plain text: for private files, and for the standard input of engines. */
export interface CredentialsText {
  /** Names the cluster: two clusters in one process share the authenticator. */
  readonly cluster: string;
  readonly party: ClusterParty;
  readonly secretKey: string;
  /** The public keys of all parties. */
  readonly publicKeys: Readonly<Record<ClusterParty, string>>;
}

/**
 * The keys of one process of a cluster: its party's pair, and the public keys of the others. They show nowhere: not in
 * `util.inspect`, not as JSON, not in a structured clone.
 */
export class Credentials {
  readonly #text: CredentialsText;

  constructor(text: CredentialsText) {
    this.#text = text;
  }

  /** The party of this process. */
  get party(): ClusterParty {
    return this.#text.party;
  }

  /** The keys in the clear. Only for private files and the standard input of engines. */
  reveal(): CredentialsText {
    return this.#text;
  }

  /** The ZAP domain of a socket. */
  domain(socket: SocketRole): string {
    return `${socket}.${this.#text.cluster}`;
  }

  /** The public keys that may connect to a socket. */
  admitted(socket: SocketRole): ReadonlySet<string> {
    return new Set(SOCKETS[socket].admits.map((party) => this.#text.publicKeys[party]));
  }

  /** The sockets that this party listens on. */
  get sockets(): SocketRole[] {
    return (Object.keys(SOCKETS) as SocketRole[]).filter((name) => SOCKETS[name].owner === this.party);
  }

  /** Settings of a listening socket. It refuses everybody unless an Authenticator of this process admits them. */
  serverSettings(socket: SocketRole) {
    if (SOCKETS[socket].owner !== this.party) throw new ConnectionError(`${this.party} does not listen at ${socket}`);
    return {
      curveServer: true,
      curveSecretKey: this.#text.secretKey,
      zapDomain: this.domain(socket),
      zapEnforceDomain: true,
    };
  }

  /** Settings of a socket that connects: the peer must hold the secret key of the party that listens there. */
  clientSettings(socket: SocketRole) {
    const { publicKeys, secretKey } = this.#text;
    return {
      curveServerKey: publicKeys[SOCKETS[socket].owner],
      curvePublicKey: publicKeys[this.party],
      curveSecretKey: secretKey,
    };
  }

  /** Nothing: keys do not travel by accident. */
  toJSON(): undefined {
    return undefined;
  }

  [inspect.custom](): string {
    return `Credentials { ${this.party} of cluster ${this.#text.cluster} }`;
  }
}

/** New keys for a cluster: the credentials of each party. @throws ConnectionError where libzmq has no CURVE */
export function newCredentials(cluster: string): Readonly<Record<ClusterParty, Credentials>> {
  if (capability.curve !== true)
    throw new ConnectionError('this build of zeromq has no CURVE: without it no cluster may listen on tcp');
  const pairs = byParty(() => curveKeyPair() as KeyPair);
  const publicKeys = byParty((party) => pairs[party].publicKey);
  return byParty((party) => new Credentials({ cluster, party, secretKey: pairs[party].secretKey, publicKeys }));
}

function byParty<T>(make: (party: ClusterParty) => T): Record<ClusterParty, T> {
  return { controller: make('controller'), client: make('client'), engine: make('engine') };
}

import { Credentials, type CredentialsText, PARTIES } from '../comm/zeromq/credentials.ts';
import { ProtocolError } from '../errors.ts';
import { object, oneOf, type Reader, text } from './fields.ts';

const KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/** The error says nothing of the key. */
const key: Reader<string> = (value, where) => {
  if (typeof value === 'string' && KEY.test(value)) return value;
  throw new ProtocolError(`${where} must be a key: 40 characters of Z85`);
};

/** Reads keys in the clear from parsed JSON. @throws ProtocolError */
export const credentialsText: Reader<CredentialsText> = object({
  cluster: text,
  party: oneOf(...PARTIES),
  secretKey: key,
  publicKeys: object({ controller: key, client: key, engine: key }),
});

/** Reads keys from parsed JSON. @throws ProtocolError */
export const credentials: Reader<Credentials> = (value, where) => new Credentials(credentialsText(value, where));

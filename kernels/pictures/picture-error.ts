// What goes wrong with a picture: names the file and says what to do.
import { DirectViewError } from '../../src/errors.ts';

/** A picture that cannot be read, decoded, or is too large; `cause` is the codec's or file system's error. */
export class PictureError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_PICTURE', message, options);
  }
}

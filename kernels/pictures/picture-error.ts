import { DirectViewError } from '../../src/errors.ts';

/** A picture cannot be read, decoded or written, or is too large. `cause` is the error of the codec or the file system. */
export class PictureError extends DirectViewError {
  constructor(message: string, options?: ErrorOptions) {
    super('DV_PICTURE', message, options);
  }
}

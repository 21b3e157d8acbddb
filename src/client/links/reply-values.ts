// The values of replies and outputs that this library itself looks into, read as untrusted: an engine may have gone bad.
import { ProtocolError } from '../../errors.ts';
import { asObject, list, type Reader, whole } from '../../protocol/fields.ts';
import type { ExecuteResult, MapResult, Method, MimeBundle } from '../../protocol/methods.ts';
import { wireError } from '../../protocol/values/wire-error.ts';

/** A place in a list and the error there. */
const failure: Reader<MapResult['errors'][number]> = (value, where) => {
  if (!Array.isArray(value) || value.length !== 2) throw new ProtocolError(`${where} must be a place and an error`);
  return [whole(value[0], `${where}[0]`), wireError(value[1], `${where}[1]`)];
};

const failures = list(failure);

/** The value of `map` over `size` items. @throws ProtocolError for another shape or number of items */
export function mapResult(value: unknown, size: number): MapResult {
  const { values, errors } = asObject(value, 'the value of map');
  // Before anybody walks over it: an array of four billion holes takes a few bytes.
  if (!Array.isArray(values) || values.length !== size)
    throw new ProtocolError(
      `the value of map must have ${size} items, not ${Array.isArray(values) ? values.length : typeof values}`,
    );
  if (!Array.isArray(errors) || errors.length > size)
    throw new ProtocolError('the errors of map must be a list, one for each item at most');
  const read = failures(errors, 'errors');
  const stray = read.find(([index]) => index >= size);
  if (stray !== undefined) throw new ProtocolError(`the error of item ${stray[0]} of ${size}`);
  return { values, errors: read };
}

/** A bundle of a display. @throws ProtocolError */
export function bundleOf(value: unknown): MimeBundle {
  const bundle = asObject(value, 'a display');
  // It is shown as text: an object would be asked for one by a function of its own.
  if (Object(bundle['text/plain']) === bundle['text/plain'])
    throw new ProtocolError('text/plain of a display must be text');
  return bundle;
}

function executed(value: unknown): ExecuteResult | undefined {
  if (value === undefined) return undefined;
  const { executionCount, data } = asObject(value, 'the value of execute');
  return {
    executionCount: whole(executionCount, 'executionCount'),
    data: data === null || data === undefined ? null : bundleOf(data),
  };
}

/** Reads the value of a method where its form is ours; other values are the user's. @throws ProtocolError */
export function checkedValue(method: Method, value: unknown): unknown {
  return method === 'execute' ? executed(value) : value;
}

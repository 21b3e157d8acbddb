import { list, type Reader, record, whole } from '../../../protocol/fields.ts';

/** The engines of each job, in the JSON of a launcher. */
export const JOBS: Reader<Readonly<Record<string, readonly number[]>>> = record(list(whole));

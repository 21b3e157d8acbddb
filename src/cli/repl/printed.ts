import { inspect } from 'node:util';
import { ExecuteReply } from '../../client/results/execute-reply.ts';
import { DirectViewError } from '../../errors.ts';
import { matrixText } from '../../tensor/matrix-text.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { withoutOwnFrames } from './evaluator/local-evaluator.ts';

/** The options of `printed` and `printedError`. */
export interface PrintOptions {
  readonly colors: boolean;
}

/** A value as the REPL prints it, without a line break at the end; empty where there is nothing to say. */
export function printed(value: unknown, { colors }: PrintOptions): string {
  if (saysNothing(value) || isListOf(value, saysNothing)) return '';
  if (isListOf(value, isTensor)) return `[\n${value.map(indented).join(',\n')}\n]`;
  return inspect(value, { colors });
}

/** An error that nobody caught. */
export function printedError(error: unknown, { colors }: PrintOptions): string {
  if (error instanceof DirectViewError || !(error instanceof Error)) return `Uncaught ${inspect(error, { colors })}`;
  const { stack = '' } = withoutOwnFrames(error);
  // Brackets stand around an error without frames.
  return `Uncaught ${inspect(error, { colors }).replace(`[${stack}]`, () => stack)}`;
}

// Awaited pushes give undefined per engine, and a silent execute gives replies without a value.
function saysNothing(value: unknown): boolean {
  return value === undefined || (value instanceof ExecuteReply && value.executeResult === null);
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

function isListOf<T>(value: unknown, holds: (item: unknown) => item is T): value is T[];
function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean;
function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  // `every` skips the holes of a sparse array.
  return Array.isArray(value) && value.length > 0 && Array.from(value).every(holds);
}

const indented = (tensor: Tensor) => matrixText(tensor).replace(/^/gm, '  ');

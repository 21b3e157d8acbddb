import { LAYER_CASES } from './layer-cases.ts';
import { GIVEN, OP_CASES } from './op-cases.ts';

/** One use of tf: source text whose value is compared. */
export interface Use {
  readonly name: string;
  readonly code: string;
  /** It is the gradient of the use before it. */
  readonly isGradient: boolean;
}

/** A use on an engine: its value, or its error. */
export interface Seen {
  readonly value?: unknown;
  readonly error?: string;
  /** A kernel ran on the cpu backend because the context's has none. */
  readonly onCpu: boolean;
}

/** How a context has a use: itself, on the cpu backend with a line that says so, not at all (by name), or badly. */
export type Rated = 'ok' | 'on cpu' | 'absent' | 'fails' | 'wrong';

const TENSORS = Object.keys(GIVEN);
const FLOATS = TENSORS.filter((name) => !/int32|bool|complex|boxes|scores/.test(name + GIVEN[name]));
const mentioned = (text: string, names: readonly string[]) =>
  names.filter((name) => new RegExp(`(?<![.\\w'])${name}\\b(?!\\s*=>)`).test(text));

/** All uses: of functions, of their gradients by the first tensor of floats that they take, of layers and optimizers. */
export function usesOf(): Use[] {
  const uses = Object.entries({ ...OP_CASES, ...LAYER_CASES }).map(([name, text]): Use => {
    return { name, isGradient: false, code: `${given(text)} return ${text};` };
  });
  return [...uses, ...Object.entries(OP_CASES).flatMap(gradientOf)];
}

// Memory that was used before: a kernel that does not clear its own shows.
const USED = 'for (const n of [2, 8, 24, 32, 64, 256, 512]) tf.dispose(tf.fill([n], 7));';

function given(text: string): string {
  return (
    `${USED} ` +
    mentioned(text, TENSORS)
      .map((name) => `const ${name} = ${GIVEN[name]};`)
      .join(' ')
  );
}

function gradientOf([name, text]: readonly [string, string]): Use[] {
  const [by] = mentioned(text, FLOATS);
  if (by === undefined || /Async|\.shape|=>|variable/.test(text)) return [];
  const sum = `const y = ${text}; const list = Array.isArray(y) ? y : [y.values ?? y]; return tf.addN(list.map((t) => tf.sum(t)));`;
  return [
    {
      name: `gradient of ${name}`,
      isGradient: true,
      code: `${given(text)} return tf.grad((${by}) => { ${sum} })(${by});`,
    },
  ];
}

// A project of a user: the package as it is published in node_modules, with its dependencies and nothing of ours.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A temporary project that depends on the package. */
export interface Consumer {
  readonly folder: string;
  /** Writes a file of the project. */
  write(path: string, text: string): void;
  /**
   * Errors of the compiler in strict mode, of this project and of the package's own declarations; empty: none. `settings`
   * stand beside those of STRICT; `compiler` is the name under which a version of TypeScript is installed.
   */
  typeErrors(settings?: Readonly<Record<string, unknown>>, compiler?: string): string;
  remove(): void;
}

interface PackageJson {
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
}

/** `types` are the packages that the user has installed beside, such as @types/node. */
export function consumer(types: readonly string[] = ['@types/node']): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'directview-consumer-'));
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  const { files, dependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as PackageJson;
  const installed = join(folder, 'node_modules', 'directview');
  for (const file of ['package.json', ...files]) cpSync(ROOT + file, join(installed, file), { recursive: true });
  for (const name of [...Object.keys(dependencies), ...types]) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(`${ROOT}node_modules/${name}`, link);
  }
  write('package.json', JSON.stringify({ type: 'module', dependencies: { directview: '*' } }));
  return {
    folder,
    write,
    typeErrors: (settings = {}, compiler = 'typescript') => {
      write('tsconfig.json', tsconfig(settings));
      return typeErrors(folder, compiler);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const STRICT = {
  strict: true,
  noEmit: true,
  module: 'nodenext',
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
};

function tsconfig(settings: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ compilerOptions: { ...STRICT, ...settings }, include: ['*.ts', '*.mts'] });
}

function typeErrors(folder: string, compiler: string): string {
  const { stdout } = spawnSync(
    process.execPath,
    [`${ROOT}node_modules/${compiler}/bin/tsc`, '-p', folder, '--pretty', 'false'],
    {
      encoding: 'utf8',
      cwd: folder,
    },
  );
  return stdout;
}

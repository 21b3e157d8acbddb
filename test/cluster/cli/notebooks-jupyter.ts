// The notebooks of examples/, executed by Jupyter's own nbclient with the kernel that is installed as users install it, and
// by JupyterLab in a browser; a real jupyter_client over the wire. Python packages come from pip into a virtual environment of its own.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { Browser } from '../../support/browser.ts';
import { JupyterLab } from '../../support/jupyter-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/notebooks-jupyter');
const lab = new ClusterLab();
test.after(() => {
  assert.equal(lab.leftovers(), []);
  lab.remove();
});

const DIST = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = join(DIST, '../examples');
const NOTEBOOKS = ['multiplexing', 'remote-iteration', 'monte-carlo-pi', 'load-balancing'];
const PIP_MS = 120_000;
const RUN_MS = 150_000;

/** A Python with nbclient: that of an environment that stays for later runs. Undefined, or why there is none. */
function python(): { readonly path: string } | { readonly reason: string } {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'directview-tests', 'jupyter');
  const path = join(folder, 'bin', 'python');
  if (works(path)) return { path };
  rmSync(folder, { recursive: true, force: true });
  const made = spawnSync('python3', ['-m', 'venv', folder], { encoding: 'utf8', timeout: PIP_MS });
  const failed = made.status === 0 ? pip(path, 'nbclient', 'nbformat', 'nbconvert') : lastLine(made.stderr);
  if (failed === undefined && works(path)) return { path };
  rmSync(folder, { recursive: true, force: true });
  return { reason: `python3 -m venv, pip install nbclient nbconvert: ${failed}` };
}

/** Installs packages; undefined, or why it failed. */
function pip(path: string, ...packages: readonly string[]): string | undefined {
  const args = ['-m', 'pip', 'install', '--quiet', '--retries', '0', '--timeout', '10', ...packages];
  const { status, stderr } = spawnSync(path, args, { encoding: 'utf8', timeout: PIP_MS });
  return status === 0 ? undefined : lastLine(stderr);
}

const lastLine = (text: string | null) => (text ?? '').trim().split('\n').at(-1) ?? '';

/** Why there is no JupyterLab in that environment; undefined where there is. */
function lacksLab(path: string): string | undefined {
  const imports = () => spawnSync(path, ['-c', 'import jupyterlab']).status === 0;
  if (imports()) return undefined;
  const failed = pip(path, 'jupyterlab');
  return failed === undefined && imports() ? undefined : `pip install jupyterlab: ${failed}`;
}

const works = (path: string) =>
  existsSync(path) && spawnSync(path, ['-c', 'import nbclient, nbformat, nbconvert']).status === 0;

const EXECUTE = `
import sys, asyncio, nbformat
from nbclient import NotebookClient
async def run(name):
    notebook = nbformat.read(name, 4)
    await NotebookClient(notebook, timeout=120, kernel_name='directview').async_execute()
    nbformat.write(notebook, name)
async def main():
    for name in sys.argv[1:]:
        await run(name)
asyncio.run(main())
`;

const CLIENT = `
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name='directview')
failed = []
def check(what, holds):
    print(('ok: ' if holds else 'WRONG: ') + what)
    if not holds: failed.append(what)
def reply(id):
    while True:
        message = client.get_shell_msg(timeout=60)
        if message['parent_header'].get('msg_id') == id: return message['content']
def outputs(id):
    seen = []
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message['parent_header'].get('msg_id') != id: continue
        kind, content = message['msg_type'], message['content']
        if kind == 'status' and content['execution_state'] == 'idle': return seen
        if kind not in ('status', 'execute_input'): seen.append((kind, content))
def execute(code, **options):
    id = client.execute(code, **options)
    return reply(id), outputs(id)
def texts(found, name='stdout'):
    return ''.join(c['text'] for k, c in found if k == 'stream' and c['name'] == name)
try:
    info = reply(client.kernel_info())
    check('kernel_info', info['protocol_version'] == '5.4' and info['language_info']['name'] == 'typescript' and info['language_info']['file_extension'] == '.ts')
    check('stdout', texts(execute("console.log('hello, world')")[1]) == 'hello, world\\n')
    check('stderr', texts(execute("console.error('err')")[1], 'stderr') == 'err\\n')
    for code, result in (('6 * 7', '42'), ("'a'", "'a'"), ('const f = (x: number) => x; f(3)', '3')):
        found = execute(code)[1]
        check('execute_result ' + code, [c['data']['text/plain'] for k, c in found if k == 'execute_result'] == [result])
    found = execute('display(html\`<b>x</b>\`)')[1]
    check('display_data', any(k == 'display_data' and c['data'].get('text/html') == '<b>x</b>' for k, c in found))
    answer, found = execute("throw new Error('x')")
    check('error', answer['status'] == 'error' and answer['evalue'] == 'x' and any(k == 'error' for k, c in found))
    found = execute('clearOutput({ wait: true })')[1]
    check('clear_output', [c['wait'] for k, c in found if k == 'clear_output'] == [True])
    def ask(send, *args, **options):
        return reply(getattr(client, send)(*args, **options))
    check('completion', ask('complete', 'rc.waitForEng')['matches'] == ['rc.waitForEngines'])
    for code, status in (('1 + 1', 'complete'), ('%px a = 1', 'complete'), ('for (;;) {', 'incomplete'), ('\`open', 'incomplete'), ('f(', 'incomplete'), ('a +* b', 'invalid'), ('}', 'invalid')):
        check('is_complete ' + code, ask('is_complete', code)['status'] == status)
    check('inspect', 'status' in ask('inspect', 'rc.view') and ask('inspect', 'rc.view')['found'])
    check('history', [i for _, _, i in ask('history', hist_access_type='tail', n=1)['history']] == ['clearOutput({ wait: true })'])
    check('history search', len(ask('history', hist_access_type='search', pattern='6*')['history']) == 1)
    check('silent', [k for k, _ in execute('5', silent=True)[1]] == [])
    answer = execute('1', user_expressions={'twice': '2 * 21'})[0]
    check('user_expressions', answer['user_expressions']['twice']['data']['text/plain'] == '42')
    ids = [client.execute(code) for code in ("throw new Error('first')", '1', '2')]
    statuses = {}
    while len(statuses) < 3:
        message = client.get_shell_msg(timeout=60)
        statuses[message['parent_header']['msg_id']] = message['content']['status']
    check('stop_on_error', [statuses[id] for id in ids] == ['error', 'aborted', 'aborted'])
    id = client.execute('await null; console.log("loop"); for (;;);')
    while client.get_iopub_msg(timeout=60)['msg_type'] != 'stream': pass
    manager.interrupt_kernel()
    check('interrupt', reply(id)['status'] == 'error')
    check('the next cell', [c['data']['text/plain'] for k, c in execute('await view.apply(() => 3)')[1] if k == 'execute_result'] == ['[ 3, 3, 3, 3 ]'])
finally:
    client.stop_channels(); manager.shutdown_kernel()
sys.exit(1 if failed else 0)
`;

/** A folder with the notebooks, without outputs, and the data that they read. */
function notebooksIn(folder: string): string {
  mkdirSync(folder);
  cpSync(join(EXAMPLES, 'data'), join(folder, 'data'), { recursive: true });
  for (const name of NOTEBOOKS) {
    const notebook = JSON.parse(readFileSync(join(EXAMPLES, `${name}.ipynb`), 'utf8')) as {
      cells: { outputs?: unknown[] }[];
    };
    for (const cell of notebook.cells) if (cell.outputs !== undefined) cell.outputs = [];
    writeFileSync(join(folder, `${name}.ipynb`), JSON.stringify(notebook));
  }
  return folder;
}

/** Waits until an expression of the page gives what is wanted; gives it. */
async function see<T>(page: Browser, expression: string, holds: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = (await page.evaluate(expression)) as T;
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The kernel of the notebook that is open in JupyterLab. */
const KERNEL = 'window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel';
const RUN_ALL = `void window.jupyterapp.commands.execute('notebook:run-all-cells')`;
const CELLS = `JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON().cells)`;
const PICTURES = `[...document.querySelectorAll('.jp-OutputArea img')].map((one) => one.naturalWidth)`;

interface RunCell {
  readonly cell_type: string;
  readonly execution_count?: number | null;
  readonly outputs?: readonly { readonly output_type: string }[];
}

// Python is the same for all versions of Node.
const found = process.versions.node.startsWith('20.') ? python() : { reason: 'runs on Node 20 only' };
if ('reason' in found) test.skip('notebooks in Jupyter', found.reason);
else {
  const env = {
    ...process.env,
    JUPYTER_PATH: join(lab.root, 'prefix', 'share', 'jupyter'),
    JUPYTER_RUNTIME_DIR: join(lab.root, 'jupyter'),
    JUPYTER_CONFIG_DIR: join(lab.root, 'config'),
    IPYTHONDIR: join(lab.root, 'ipython'),
  };
  const run = (script: string, args: readonly string[], cwd: string) =>
    spawnSync(found.path, ['-c', script, ...args], { cwd, env, encoding: 'utf8', timeout: RUN_MS });

  test.before(() => {
    const args = ['kernel', 'install', '--prefix', join(lab.root, 'prefix'), '-n', '4', '--device', 'cpu'];
    assert.is(spawnSync(process.execPath, [join(DIST, 'src/cli/main.js'), ...args]).status, 0);
  });

  test('nbclient executes the notebooks: no cell fails, pictures are there, nbconvert makes a page', () => {
    const folder = notebooksIn(join(lab.root, 'examples'));
    const files = NOTEBOOKS.map((name) => `${name}.ipynb`);
    const { status, stderr } = run(EXECUTE, files, folder);
    assert.is(status, 0, stderr);
    const text = readFileSync(join(folder, 'multiplexing.ipynb'), 'utf8');
    assert.is(text.match(/"image\/png": "/g)?.length, 5);
    const convert = ['-m', 'nbconvert', '--to', 'html', 'multiplexing.ipynb'];
    assert.is(spawnSync(found.path, convert, { cwd: folder, env, timeout: RUN_MS }).status, 0);
    assert.match(readFileSync(join(folder, 'multiplexing.html'), 'utf8'), /DirectView as multiplexer/);
  });

  test('jupyter_client: what jupyter_kernel_test asks', () => {
    const { status, stdout, stderr } = run(CLIENT, [], lab.root);
    console.log(`NOTE ${stdout.trim().split('\n').join(', ')}`);
    assert.is(status, 0, `${stdout}${stderr}`);
  });

  const lacking = lacksLab(found.path);
  const name = 'JupyterLab in Chromium opens a notebook, runs all of its cells and shows the pictures';
  if (lacking !== undefined) test.skip(name, lacking);
  else {
    test(name, async () => {
      const folder = notebooksIn(join(lab.root, 'shown'));
      const server = await JupyterLab.start({ python: found.path, folder, home: join(lab.root, 'lab'), env });
      let page: Browser | undefined;
      try {
        page = await Browser.open(server.urlOf('multiplexing.ipynb'), { width: 1100, height: 900 });
        await see<string>(page, `${KERNEL}?.status ?? ''`, (status) => status === 'idle');
        await page.evaluate(RUN_ALL);
        const ended = (cells: readonly RunCell[]) => cells.every(({ execution_count: count }) => count !== null);
        const cells = JSON.parse(await see<string>(page, CELLS, (text) => ended(JSON.parse(text)))) as RunCell[];
        const failed = cells.filter(({ outputs = [] }) => outputs.some((one) => one.output_type === 'error'));
        assert.equal(failed, [], 'no cell fails');
        const widths = await see<number[]>(
          page,
          PICTURES,
          (all) => all.length === 5 && all.every((width) => width > 0),
        );
        assert.equal(widths, [512, 512, 512, 200, 640]);
        const file = process.env['SCREENSHOT'];
        if (file === undefined) return;
        await page.evaluate(`document.querySelector('.jp-OutputArea img').scrollIntoView({ block: 'center' })`);
        writeFileSync(file, await page.screenshot());
      } finally {
        await page?.close();
        await server.close();
      }
    });
  }
}

test.run();

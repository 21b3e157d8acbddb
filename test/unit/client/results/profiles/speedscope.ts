// Profiles of V8 as files of speedscope, and the name of the function that was sent.
import * as assert from 'uvu/assert';
import { type CpuProfile, named, type ProfileNode } from '../../../../../src/client/results/profiles/cpu-profile.ts';
import { speedscopeOf } from '../../../../../src/client/results/profiles/speedscope.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('client/results/profiles');

function node(id: number, functionName: string, url: string, children: number[] = [], scriptId = '9'): ProfileNode {
  return { id, callFrame: { functionName, scriptId, url, lineNumber: 0, columnNumber: id }, children };
}

const VERB = 'file:///package/dist/engines/verbs/profile.js';
const profileOn = (engine: number): CpuProfile => ({
  nodes: [
    node(1, '(root)', '', [2, 5], '0'),
    node(2, 'during', VERB, [3], '1'),
    node(3, '', `<engine ${engine}>`, [4]),
    node(4, 'inner', `<engine ${engine}>`),
    node(5, '(garbage collector)', '', [], '0'),
  ],
  startTime: 1000,
  endTime: 1100,
  samples: [3, 4, 5],
  timeDeltas: [10, 20, 30],
});

test('the function that was sent gets its name; functions that have one keep it, and no other is touched', () => {
  const names = (profile: CpuProfile) => profile.nodes.map(({ callFrame }) => callFrame.functionName);
  assert.equal(names(named(profileOn(0), 'crunch')), ['(root)', 'during', 'crunch', 'inner', '(garbage collector)']);
  assert.equal(names(named(profileOn(0), '')), names(profileOn(0)));
  const twice = named(named(profileOn(0), 'crunch'), 'other');
  assert.ok(names(twice).includes('crunch'));
  const without = { ...profileOn(0), nodes: [node(1, '(root)', '')], samples: [] };
  assert.is(named(without, 'crunch'), without);
});

test('one file: the frames of all engines once, stacks from the caller to the callee, weights in microseconds', () => {
  const file = speedscopeOf('crunch', new Map([0, 1].map((id) => [`engine ${id}`, named(profileOn(id), 'crunch')])));
  assert.is(file.$schema, 'https://www.speedscope.app/file-format-schema.json');
  const names = file.shared.frames.map(({ name }) => name);
  assert.equal(names, ['during', 'crunch', 'inner', '(garbage collector)']);
  assert.equal(file.shared.frames[1], { name: 'crunch', file: '<engine>', line: 1, col: 4 });
  assert.equal(file.shared.frames[3], { name: '(garbage collector)' });
  assert.equal(
    file.profiles.map(({ name }) => name),
    ['engine 0', 'engine 1'],
  );
  for (const { samples, weights, endValue, unit } of file.profiles) {
    assert.equal(
      samples.map((stack) => stack.map((i) => names[i])),
      [['during', 'crunch'], ['during', 'crunch', 'inner'], ['(garbage collector)']],
    );
    // A node ran until the next sample; the last one to the end.
    assert.equal([weights, endValue, unit], [[20, 30, 40], 100, 'microseconds']);
  }
});

test('an engine that has sampled nothing has an empty profile', () => {
  const nothing = { nodes: [node(1, '(root)', '')], startTime: 5, endTime: 5 };
  const [profile] = speedscopeOf('f', new Map([['engine 0', nothing]])).profiles;
  assert.equal([profile?.samples, profile?.weights, profile?.endValue], [[], [], 0]);
});

test.run();

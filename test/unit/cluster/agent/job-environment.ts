// Rank, cards and job from the variables of schedulers, in the order in which they nest.
import * as assert from 'uvu/assert';
import { cardId, cardOf } from '../../../../src/cluster/agent/card-of.ts';
import { jobEnvironment } from '../../../../src/cluster/agent/job-environment.ts';
import { readUuids } from '../../../../src/cluster/launchers/graphics-cards.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('agent/job environment');

const ROWS: [string, Record<string, string>, number | undefined, number, string | undefined][] = [
  ['nothing', {}, undefined, 0, undefined],
  ['srun', { SLURM_PROCID: '3', SLURM_LOCALID: '1', SLURM_JOB_ID: '7', SLURM_STEP_ID: '0' }, 3, 1, '7.0'],
  [
    'an array of jobs',
    { SLURM_ARRAY_JOB_ID: '12', SLURM_ARRAY_TASK_ID: '2', SLURM_PROCID: '0', SLURM_NTASKS: '1', SLURM_JOB_ID: '15' },
    2,
    0,
    '12_2',
  ],
  [
    'an array whose elements have several tasks',
    { SLURM_ARRAY_JOB_ID: '12', SLURM_ARRAY_TASK_ID: '2', SLURM_PROCID: '1', SLURM_NTASKS: '4', SLURM_LOCALID: '1' },
    9,
    1,
    '12_2',
  ],
  [
    'mpirun inside Slurm: all processes of a host have the variables of its starter',
    {
      SLURM_PROCID: '0',
      SLURM_LOCALID: '0',
      OMPI_COMM_WORLD_RANK: '3',
      OMPI_COMM_WORLD_LOCAL_RANK: '1',
      SLURM_JOB_ID: '7',
    },
    3,
    1,
    '7',
  ],
  ['MPICH', { PMI_RANK: '2', MPI_LOCALRANKID: '1' }, 2, 1, undefined],
  ['Kubernetes', { JOB_COMPLETION_INDEX: '5' }, 5, 0, undefined],
  ['a batch script', { SLURM_JOB_ID: '7', SLURM_STEP_ID: '4294967291', SLURM_PROCID: '0' }, 0, 0, '7'],
  ['PBS', { PBS_JOBID: '9.host' }, undefined, 0, '9.host'],
  ['not a number', { SLURM_PROCID: 'x', PMIX_RANK: '-1' }, undefined, 0, undefined],
];

for (const [name, env, rank, localRank, job] of ROWS) {
  test(name, () => {
    const found = jobEnvironment(env, 'n1');
    assert.equal([found.rank, found.localRank, found.job, found.host], [rank, localRank, job, 'n1']);
  });
}

test('the end of the job, in milliseconds', () => {
  assert.is(jobEnvironment({ SLURM_JOB_END_TIME: '1700000000' }).until, 1_700_000_000_000);
  assert.is(jobEnvironment({ SLURM_JOB_END_TIME: '' }).until, undefined);
});

test('cards: one of its own, one of a list by the local rank, several engines to an agent, none', () => {
  const card = (list: string | undefined, localRank: number, perAgent = 1, place = 0) => {
    const { gpus } = jobEnvironment(list === undefined ? {} : { CUDA_VISIBLE_DEVICES: list });
    return cardOf({ gpus, localRank }, perAgent, place);
  };
  assert.equal(card('1', 1), { env: { CUDA_VISIBLE_DEVICES: '1' }, index: 1 });
  assert.equal(card('0,1', 1), { env: { CUDA_VISIBLE_DEVICES: '1' }, index: 1 });
  assert.equal(card('4,5,6,7', 1, 2, 1), { env: { CUDA_VISIBLE_DEVICES: '7' }, index: 7 });
  assert.equal(card('GPU-ab,MIG-cd', 1), { env: { CUDA_VISIBLE_DEVICES: 'MIG-cd' }, index: undefined });
  assert.equal(card('', 0), { env: {}, index: undefined });
  assert.equal(card(undefined, 0), { env: {}, index: undefined });
});

test('cards: engines of a host that grants none take them in turn, from the first place of their agent', () => {
  const index = (firstPlace: number | undefined, localRank: number, place: number, count: number) =>
    cardOf({ gpus: undefined, localRank, firstPlace }, 2, place, count).index;
  assert.equal([index(0, 0, 0, 2), index(0, 0, 1, 2), index(2, 0, 0, 2), index(3, 0, 0, 2)], [0, 1, 0, 1]);
  assert.equal([index(undefined, 1, 0, 4), index(undefined, 1, 1, 4)], [2, 3]);
  assert.equal([index(0, 0, 0, 1), index(0, 0, 1, 0)], [undefined, undefined]);
  assert.equal(cardOf({ gpus: ['0', '1'], localRank: 0, firstPlace: 1 }, 1, 0).env, { CUDA_VISIBLE_DEVICES: '1' });
});

test('a card is known by its UUID, where its name or nvidia-smi tells it', () => {
  const uuids = readUuids(
    'GPU 0: NVIDIA A100 (UUID: GPU-aa-1)\n  MIG 1g.5gb Device 0: (UUID: MIG-bb)\nGPU 1: NVIDIA A100 (UUID: GPU-cc-2)\nnoise\n',
  );
  assert.equal(uuids, ['GPU-aa-1', 'GPU-cc-2']);
  const id = (name: string | undefined, index: number | undefined, all: readonly string[] = uuids) =>
    cardId({ env: name === undefined ? {} : { CUDA_VISIBLE_DEVICES: name }, index }, all);
  assert.equal([id('1', 1), id('MIG-x', undefined), id(undefined, 0)], ['GPU-cc-2', 'MIG-x', 'GPU-aa-1']);
  assert.equal(
    [id('7', 7), id(undefined, undefined), id(undefined, undefined, ['GPU-1'])],
    [undefined, undefined, 'GPU-1'],
  );
});

test('a card that was asked for by its UUID is chosen among all that were granted, and known by its whole UUID', () => {
  const uuids = ['GPU-aa-1', 'GPU-cc-2'];
  const card = (chosen: number | string) => cardOf({ gpus: uuids, localRank: 1, chosen }, 1, 0);
  assert.equal(card('gpu-CC'), { env: {}, index: undefined, name: 'gpu-CC' });
  assert.equal(card(0).env, { CUDA_VISIBLE_DEVICES: 'GPU-cc-2' });
  assert.equal([cardId(card('gpu-CC'), uuids), cardId(card('MIG-x'), uuids)], ['GPU-cc-2', 'MIG-x']);
});

test.run();

// Names that links prove, and what they may touch.
import * as assert from 'uvu/assert';
import { Callers, mayTouch, refusalOf } from '../../../../engines/queue/rights.ts';
import { ProtocolError } from '../../../../src/errors.ts';
import { isProvable, newClientProof, proves } from '../../../../src/protocol/client-name.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('rights');
const mine = newClientProof();
const theirs = newClientProof();

test('a name is proved by its secret alone; a nickname has none', () => {
  assert.ok(isProvable(mine.client));
  assert.ok(proves(mine.client, mine.secret));
  for (const secret of [undefined, '', theirs.secret, mine.client, `${mine.secret} `, 'x'.repeat(1e6)])
    assert.not(proves(mine.client, secret));
  for (const nickname of ['', 'c', '1f0e7d6c-0000-4000-8000-000000000000', mine.client.toUpperCase(), '__proto__'])
    assert.ok(proves(nickname, undefined));
  assert.is.not(newClientProof().client, mine.client);
});

test('a link owns the ids of the name that it has proved', () => {
  const callers = new Callers();
  const [link, other] = [{}, {}];
  callers.hello(link, { type: 'hello', ...mine });
  throws(() => callers.hello(other, { type: 'hello', client: mine.client }), ProtocolError, /does not prove/);
  throws(
    () => callers.hello(link, { type: 'hello', client: theirs.client, secret: mine.secret }),
    ProtocolError,
    /does not prove/,
  );
  assert.is(callers.nameOf(link), mine.client, 'as before');
  assert.is(callers.nameOf(other), undefined);
  callers.mustOwn(link, `${mine.client}:1`);
  callers.mustOwnKey(link, `${mine.client}.1`);
  callers.mustOwn(other, 'nickname:1');
  callers.mustOwn(other, 'no colon');
  throws(() => callers.mustOwn(other, `${mine.client}:1`), ProtocolError, /which this link is not/);
  throws(() => callers.mustOwn(link, `${theirs.client}:1`), ProtocolError, /which this link is not/);
  throws(() => callers.mustOwnKey(link, `${theirs.client}.1`), ProtocolError, /which this link is not/);
});

test('what a control request may touch', () => {
  const base = { id: 1, to: 'u' };
  const own = `${mine.client}:1`;
  const foreign = `${theirs.client}:1`;
  for (const caller of [mine.client, undefined]) {
    for (const request of [
      { ...base, type: 'abort', ids: [foreign] },
      { ...base, type: 'interrupt', ids: ['c:1', foreign] },
      { ...base, type: 'interrupt', drop: [foreign] },
      { ...base, type: 'interrupt', client: theirs.client },
      { ...base, type: 'purge', ids: [foreign] },
      { ...base, type: 'purge', client: theirs.client },
    ] as const) {
      assert.match(refusalOf(request, caller) ?? '', /wants others: true/);
      assert.is(refusalOf({ ...request, others: true }, caller), undefined);
    }
  }
  assert.is(refusalOf({ ...base, type: 'abort', ids: [own, 'c:1'] }, mine.client), undefined);
  assert.is(refusalOf({ ...base, type: 'status' }, undefined), undefined);
  assert.is(refusalOf({ ...base, type: 'interrupt' }, undefined), undefined);
  assert.equal([mayTouch(own, mine.client, undefined), mayTouch(foreign, mine.client, undefined)], [true, false]);
});

test.run();

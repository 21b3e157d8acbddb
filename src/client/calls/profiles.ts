import type { EngineId } from '../../protocol/messages.ts';
import type { ProfileValue } from '../../protocol/methods.ts';
import type { Mode, PerTarget } from '../remote.ts';
import { joined } from '../results/assembly.ts';
import type { AsyncResult } from '../results/async-result.ts';
import { type CpuProfile, named } from '../results/profiles/cpu-profile.ts';
import { Profile } from '../results/profiles/profile.ts';
import type { Calls } from './calls.ts';

/** Runs a function once per target with V8's CPU profiler. @throws as `apply` */
export function profiled<M extends Mode, T>(
  calls: Calls<M>,
  fn: unknown,
  args: readonly unknown[],
): AsyncResult<Profile<PerTarget<M, T>>, ProfileValue, M> {
  const call = calls.open('profile');
  const tasks = calls.submit(call, 'profile', { do: 'call', fn, args });
  const name = typeof fn === 'function' ? fn.name : '';
  const whole = joined(tasks.length, (parts: readonly ProfileValue[]) => {
    const values = parts.map(({ value }) => value);
    // `isSingle` at run time is what the mode M says at compile time.
    const value = (call.isSingle ? values[0] : values) as PerTarget<M, T>;
    return new Profile(name || 'a function', value, profilesOf(call.engines, parts, name));
  });
  // The failure of a single target is its own, as with `apply`.
  return calls.result(call, tasks, call.isSingle ? { ...whole, length: undefined } : whole);
}

/** Profiles all that the engines do until the returned function is called. Engines that are gone by then have no profile. */
export async function profiling(calls: Calls<Mode>, name: string): Promise<() => Promise<Profile<undefined>>> {
  const many = calls.asMany();
  await many.each('profile', 'profile', { do: 'start' });
  return async () => {
    const parts = await many.each('profile', 'profile', { do: 'stop' }).get({ returnErrors: true });
    const profiles = many.ids.flatMap((id, i) => {
      const part = parts[i];
      return part === undefined || 'ename' in part || part.profile === '' ? [] : [[id, part] as const];
    });
    const ids = profiles.map(([id]) => id);
    return new Profile(
      name,
      undefined,
      profilesOf(
        ids,
        profiles.map(([, part]) => part),
        '',
      ),
    );
  };
}

function profilesOf(
  engines: readonly EngineId[],
  parts: readonly ProfileValue[],
  name: string,
): ReadonlyMap<EngineId, CpuProfile> {
  const profiles = parts.map(({ profile }) => named(JSON.parse(profile) as CpuProfile, name));
  return new Map(engines.map((id, i) => [id, profiles[i] as CpuProfile]));
}

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { profiling } from '../../client/calls/profiles.ts';
import type { Client } from '../../client/client.ts';
import { callsOf } from '../../client/direct-view.ts';
import type { Profile } from '../../client/results/profiles/profile.ts';
import { FollowedReport } from './followed-report.ts';

/** The files about a run, as the user asked for them. */
export interface RecordFlags {
  /** The file of a report of the run. */
  readonly report?: string | undefined;
  /** The folder of CPU profiles. */
  readonly profile?: string | undefined;
}

/** The files can be written, as far as that can be known before the run. @throws Error that names the option and the path */
export function checkRecord({ report, profile }: RecordFlags): void {
  if (report !== undefined) checkPlace('--report', report, dirname(resolve(report)));
  if (profile !== undefined) checkPlace('--profile', profile, nearest(resolve(profile)));
}

function checkPlace(option: string, path: string, folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder`);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new Error(`${option} ${path} cannot be written: ${(error as Error).message}`);
  }
}

/** The folder, or the first one above it that is there. */
function nearest(folder: string): string {
  return existsSync(folder) ? folder : nearest(dirname(folder));
}

interface SampledRun {
  readonly folder: string;
  readonly stop: () => Promise<Profile<undefined>>;
}

/**
 * Follows a run, and writes its report and its profiles when it ends, whatever ends it. `process.exit` leaves no time to ask the
 * engines: then the report has what they said a second ago, and the tasks of this client since; profiles are lost.
 */
export class RunRecord {
  readonly #report: FollowedReport | undefined;
  readonly #profiles: SampledRun | undefined;
  #finished: Promise<void> | undefined;

  private constructor(report: FollowedReport | undefined, profiles: SampledRun | undefined) {
    this.#report = report;
    this.#profiles = profiles;
  }

  /** Begins to follow; undefined where no file is wanted. Paths count from the folder that is the current one now. */
  static async open(title: string, rc: Client, { report, profile }: RecordFlags): Promise<RunRecord | undefined> {
    if (report === undefined && profile === undefined) return undefined;
    const followed = report === undefined ? undefined : await FollowedReport.follow(resolve(report), title, rc);
    const folder = profile === undefined ? undefined : resolve(profile);
    if (folder === undefined) return new RunRecord(followed, undefined);
    return new RunRecord(followed, { folder, stop: await profiling(callsOf(rc.view('all')), title) });
  }

  /** Writes the files. Idempotent. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    const profiles = await this.#profiles?.stop();
    await Promise.all([this.#report?.finish(), profiles?.save(this.#profiles?.folder)]);
  }
}

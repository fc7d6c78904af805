import { KEPT_SUFFIX, type BackupKind } from '../archive';
import type { LoggedSystem, ServerLog } from '../verify';
import type { Problem } from './problem';
import type { SeriesState } from './held';

/** What a server holds that should be backed up: the databases of PostgreSQL, the collections of Qdrant, the buckets of S3. */
export interface ServerContent {
	/** Of the backups of one of them. */
	kind: BackupKind;
	/** Of backups that hold all of them at once, where there is such a kind. */
	wholeKind?: BackupKind;
	/** For messages: `PostgreSQL`. */
	title: string;
	/** What is there; undefined where the server did not tell. */
	names: readonly string[] | undefined;
	/** Why it did not. */
	failure?: string;
	/** What it says of its log, where it keeps one. */
	log?: ServerLog | undefined;
}

/**
 * What is on a server and in no backup at all. What has backups, though no good one, is told as such. Names are compared, not
 * servers: one server goes by several addresses. A server that can be recovered as a whole, to a point in time, lacks nothing. What a safe swap has kept beside is no source.
 * @param isIgnored What is not looked at
 */
export function uncovered(
	{ series, logs }: { series: readonly SeriesState[]; logs: readonly LoggedSystem[] },
	servers: readonly ServerContent[],
	isIgnored: (name: string) => boolean,
): Problem[] {
	const held = new Set(series.map(({ kind, name }) => keyOf(kind, name)));
	const kinds = new Set(series.map(({ kind }) => kind));
	return servers.flatMap(({ kind, wholeKind, title, names, failure, log }) => {
		if (!names) return [unasked(title, failure)];
		const system = log?.system;
		if (system !== undefined && logs.some((one) => one.system === system && one.windows.length > 0)) return [];
		if (wholeKind !== undefined && kinds.has(wholeKind)) return [];
		return names
			.filter((name) => !isIgnored(name) && !KEPT_SUFFIX.test(name) && !held.has(keyOf(kind, name)))
			.map((name) => withoutBackup(kind, name, title));
	});
}

function withoutBackup(kind: BackupKind, name: string, title: string): Problem {
	return {
		id: `uncovered:${JSON.stringify([kind, name])}`,
		kind: 'uncovered',
		severity: 'critical',
		subject: `${kind} ${name}`,
		message: `${name} is on the ${title} server, and there is no backup of it.`,
		hint: 'Add it to the selection of its back up node, or leave it out by its name.',
	};
}

/** A server that is down must not hide what else is wrong. */
function unasked(title: string, failure = ''): Problem {
	return {
		id: `unasked:${title}`,
		kind: 'unasked',
		severity: 'warning',
		subject: title,
		message: `The ${title} server did not tell what is on it: ${failure}`,
		hint: 'What is new there may have no backup. Check its credential, and whether it runs.',
	};
}

function keyOf(kind: string, name: string): string {
	return JSON.stringify([kind, name]);
}

/** Whether an API key may do what a backup needs. */
import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { BackupError, listed } from '../../errors';
import { finder, type SetupFinding } from '../../preflight';
import type { QdrantClient } from '../client/client';
import { statusOf } from '../client/failure';

/** A token that expires sooner is told, so that a new one is there in time. */
const SOON_MS = 14 * 86_400_000;

const WHOLE_ACCESS =
	'Put the key of service.api_key (QDRANT__SERVICE__API_KEY) into the Qdrant credential, not that of read_only_api_key; or a token (JWT) with the access "m".';

/** What a token says of itself: https://qdrant.tech/documentation/guides/security/#granular-access-control-with-jwt */
const claims = z.object({
	/** Seconds since 1970. */
	exp: z.number().optional(),
	/** `m`, `r`, or a list of collections. */
	access: z.union([z.string(), z.array(z.object({ collection: z.string(), access: z.string() }))]).optional(),
});

/** What a token (JWT) says of itself, which the server alone can prove; undefined for a key that is none. */
function claimsOf(apiKey: string | undefined): z.infer<typeof claims> | undefined {
	const [, payload] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(apiKey ?? '') ?? [];
	if (payload === undefined) return undefined;
	try {
		const read = claims.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
		return read.success ? read.data : undefined;
	} catch {
		return undefined;
	}
}

/** What would be refused, or will be soon, as a token itself says. Nothing where the key is none. */
export function tokenFindings(apiKey: string | undefined, host: string, now: Date): SetupFinding[] {
	const { exp, access } = claimsOf(apiKey) ?? {};
	const { warning, problem } = finder('API Key', host, 'backup');
	const findings: SetupFinding[] = [];
	if (exp !== undefined && exp * 1000 < now.getTime() + SOON_MS) {
		const until = new Date(exp * 1000).toISOString();
		const remedy =
			'Make a new token (JWT) with the access "m" and a later "exp", or none, and put it into the Qdrant credential.';
		findings.push(
			exp * 1000 <= now.getTime()
				? problem(`The token in the credential expired at ${until}.`, remedy)
				: warning(`The token in the credential expires at ${until}.`, remedy),
		);
	}
	if (typeof access === 'object') {
		const scopes = listed(access.map((scope) => `${scope.collection}: ${scope.access}`));
		findings.push(
			problem(
				`The token in the credential is for single collections (${scopes}). A backup asks the server for its peers, which takes global access.`,
				WHOLE_ACCESS,
			),
		);
	}
	return findings;
}

/** A key that only reads is refused before the server looks for the collection, which nobody has. */
export async function rightFindings(
	client: QdrantClient,
	host: string,
	signal: AbortSignal | undefined,
): Promise<SetupFinding[]> {
	const { ok, problem } = finder('API Key', host, 'backup');
	try {
		await client.snapshots.create({ collection: `stack_backup_setup_check_${randomUUID()}` }, signal);
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		if (error.code === 'ACCESS_DENIED') {
			return [problem(`The API key may not make snapshots: ${error.message}`, WHOLE_ACCESS)];
		}
		if (statusOf(error) !== 404) throw error;
	}
	return [ok('Snapshots may be made.')];
}

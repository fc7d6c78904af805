import type { IncomingHttpHeaders } from 'node:http';

import { z } from 'zod';

import { QdrantFailure } from './failure';
import type { WholeAnswer } from './http';
import { withoutSecrets } from './secrets';

const MAX_MESSAGE = 500;

const snapshot = z.object({ name: z.string().min(1), size: z.number().int().nonnegative() });
const shard = z.object({ shard_id: z.number().int(), state: z.string() });
const id = z.union([z.number(), z.bigint()]);

/**
 * What the answers to the calls must hold at least. An unexpected server (a proxy, another product) is recognised by
 * that; the answers themselves are passed on as they are, with all that other versions put into them.
 */
export const ANSWERS = {
	cluster: z.discriminatedUnion('status', [
		z.object({ status: z.literal('disabled') }),
		z.object({
			status: z.literal('enabled'),
			peer_id: id,
			peers: z.record(z.object({ uri: z.string() })),
		}),
	]),
	telemetry: z.object({ app: z.object({}) }),
	collections: z.object({ collections: z.array(z.object({ name: z.string() })) }),
	aliases: z.object({ aliases: z.array(z.object({ alias_name: z.string(), collection_name: z.string() })) }),
	collection: z.object({
		status: z.string(),
		config: z.object({ params: z.object({}) }),
		payload_schema: z.object({}),
	}),
	exists: z.object({ exists: z.boolean() }),
	shards: z.object({
		peer_id: id,
		shard_count: z.number().int(),
		local_shards: z.array(shard),
		remote_shards: z.array(shard),
		shard_transfers: z.array(z.unknown()),
	}),
	count: z.object({ count: z.number().int().nonnegative() }),
	points: z.object({ points: z.array(z.object({})) }),
	snapshot,
	snapshots: z.array(snapshot),
	/** `true` in most cases; of what was done to points, an object. */
	done: z.union([z.boolean(), z.object({})]),
	/** `true` for a collection's snapshot, `null` for a shard's (1.16.3). */
	uploaded: z.union([z.boolean(), z.null()]),
};

/**
 * Returns the `result` of an answer with status 200. The client has parsed the answer; what was not JSON is a text.
 * @throws QdrantFailure isFromUnexpectedServer, where the answer is not one of Qdrant's
 */
export function resultOf<T>(answer: unknown, shape: z.ZodTypeAny): T {
	assertParsed(answer);
	const result = (answer as { result?: unknown } | null)?.result;
	const checked = shape.safeParse(result);
	if (checked.success) return result as T;
	const [issue] = checked.error.issues;
	const where = ['result', ...(issue?.path ?? [])].join('.');
	throw new QdrantFailure(`the answer is not one of Qdrant (${where}: ${issue?.message})`, 200, undefined, true);
}

/**
 * Replaces the BigInts of an answer by strings. The client reads integers beyond 2^53 into BigInts, and JSON and manifests cannot
 * hold those. All ids of peers become strings, so that they have one type.
 */
export function plain(value: unknown): unknown {
	if (typeof value === 'bigint') return String(value);
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== 'object' || value === null) return value;
	const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
		return [key, key === 'peer_id' && typeof inner === 'number' ? String(inner) : plain(inner)] as const;
	});
	return Object.fromEntries(entries);
}

/** Parses an answer as the client does: what is not JSON stays a text. */
export function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

/** @throws QdrantFailure isFromUnexpectedServer, where the answer is not JSON */
export function assertParsed(answer: unknown): void {
	if (typeof answer !== 'string') return;
	const what = isPage(answer) ? 'a web page' : 'no JSON';
	throw new QdrantFailure(`the answer is ${what}, so it did not come from Qdrant`, 200, undefined, true);
}

/** Makes the failure for an answer with another status than 200. */
export function refusal({ status, text, headers = {} }: WholeAnswer, secrets: readonly string[] = []): QdrantFailure {
	const own = isOwn(status, text);
	const message = own ? serverMessage(status, text, secrets) : unexpectedMessage(status, headers, secrets);
	return new QdrantFailure(message, status, undefined, !own, retryAfter(headers, text));
}

/**
 * Qdrant gives its reasons in JSON, or as a short text. Other servers answer with a short text as well, but Qdrant never uses
 * these statuses with one.
 */
const NEVER_TEXT = [405, 407, 408, 411, 413, 414, 415, 421, 429, 431, 499];

function isOwn(status: number, text: string): boolean {
	if (ownMessage(text) !== undefined) return true;
	// Qdrant answers 404 without a word only where it knows no such call: a path in the URL that leads elsewhere.
	if (isPage(text) || (status === 404 && text.trim() === '')) return false;
	return status >= 400 && status <= 500 && !NEVER_TEXT.includes(status);
}

/** Qdrant says what is wrong as `{"status":{"error":"..."}}`. */
function ownMessage(text: string): string | undefined {
	try {
		const answer = JSON.parse(text) as { status?: { error?: unknown } } | null;
		return typeof answer?.status?.error === 'string' ? answer.status.error : undefined;
	} catch {
		return undefined;
	}
}

/** The texts of other servers are often web pages and say little. The server's name and the address of a redirect say more. */
function unexpectedMessage(
	status: number,
	{ server, location }: IncomingHttpHeaders,
	secrets: readonly string[],
): string {
	const name = typeof server === 'string' && /^[\w.\-/ ()]{1,60}$/.test(server) ? `, ${server}` : '';
	const isRedirect = status >= 300 && status < 400 && location !== undefined;
	const what = isRedirect ? `a redirect to ${shortened(withoutSecrets(location, secrets))}` : `the status ${status}`;
	return `something in Qdrant's place answered with ${what} (not Qdrant itself${name})`;
}

/** Seconds to wait, from the header (seconds or a date) or from Qdrant's message: `Retry after 30s`. */
function retryAfter({ 'retry-after': header }: IncomingHttpHeaders, text: string): number | undefined {
	const told: string | undefined = header ?? /retry after (\d+)/i.exec(text)?.[1];
	if (told === undefined) return undefined;
	const seconds = /^\d+$/.test(told.trim()) ? Number(told) : (Date.parse(told) - Date.now()) / 1000;
	return Number.isFinite(seconds) ? Math.max(seconds, 1) : undefined;
}

/**
 * Returns what Qdrant says, without secrets and cut to 500 characters. It comes as JSON, or as plain text where Qdrant refuses a
 * request early (a wrong key, a missing file).
 */
export function serverMessage(status: number, text: string, secrets: readonly string[] = []): string {
	const message = ownMessage(text) ?? text.trim();
	if (isPage(message) || message === '') return `the answer had the status ${status}`;
	return shortened(withoutSecrets(message, secrets));
}

function shortened(text: string): string {
	if (text.length <= MAX_MESSAGE) return text;
	// Qdrant lists the causes of an error one after the other, and the first cause (a full disk) stands at the end.
	return `${text.slice(0, MAX_MESSAGE / 2)}...${text.slice(-MAX_MESSAGE / 2)}`;
}

function isPage(text: string): boolean {
	return text.trimStart().startsWith('<');
}

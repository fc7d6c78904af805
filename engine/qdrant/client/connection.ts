import { BackupError } from '../../errors';

/** How to reach a Qdrant server. */
export interface QdrantConnection {
	/** `http://qdrant:6333`, or behind a proxy `https://example.com/qdrant`. Without a port, the scheme's own: 80, 443. */
	url: string;
	/** Static key or JSON Web Token; sent as `api-key`. */
	apiKey?: string;
	/**
	 * Clusters: the addresses of the other peers' HTTP interfaces. By default the host names by which the peers know each
	 * other are tried with the scheme and port of `url`.
	 */
	peerUrls?: string[];
	timeouts?: QdrantTimeouts;
}

/** Time-outs in milliseconds; 0 stands for no limit. */
export interface QdrantTimeouts {
	/** Until the connection stands; default 10 s. */
	connect?: number;
	/** Until a question that is quick to answer is answered; default 60 s. */
	answer?: number;
	/** Until the server has made or taken in a snapshot, or counted all points; default 0: that may take hours. */
	operation?: number;
	/** Without a byte during a transfer, before the connection counts as broken; default 120 s. */
	idle?: number;
	/** How long a server whose answer was lost, or that is away, is asked what has become of its work; default 10 s. */
	settle?: number;
	/** Before something is tried or looked at once more, the first time; default 500 ms. */
	pause?: number;
}

export const DEFAULT_TIMEOUTS: Required<QdrantTimeouts> = {
	connect: 10_000,
	answer: 60_000,
	operation: 0,
	idle: 120_000,
	settle: 10_000,
	pause: 500,
};

/** The names of the fields of the nodes, for messages. */
const TIMEOUT_NAMES: Record<keyof QdrantTimeouts, string> = {
	connect: 'connection timeout',
	answer: 'answer timeout',
	operation: 'operation timeout',
	idle: 'idle timeout',
	settle: 'time to settle',
	pause: 'pause',
};
/** The longest time of Node's timers. They treat a longer time as one millisecond. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * All time-outs, with the defaults for those that are not set.
 * @throws BackupError INVALID_INPUT for a value that is not a number of milliseconds from 0 to 2^31-1
 */
export function checkedTimeouts(timeouts: QdrantTimeouts = {}): Required<QdrantTimeouts> {
	const all = { ...DEFAULT_TIMEOUTS };
	for (const name of Object.keys(DEFAULT_TIMEOUTS) as (keyof QdrantTimeouts)[]) {
		const value: unknown = timeouts[name] ?? DEFAULT_TIMEOUTS[name];
		if (typeof value !== 'number' || !(value >= 0 && value <= MAX_TIMEOUT_MS)) {
			const shown = typeof value === 'number' ? `${value / 1000} seconds` : `not a number but a ${typeof value}`;
			throw new BackupError('INVALID_INPUT', `The ${TIMEOUT_NAMES[name]} is ${shown}; nothing was sent.`, {
				hint: `Enter a number of seconds from 0, which waits as long as it takes, to ${Math.floor(MAX_TIMEOUT_MS / 1000)}.`,
			});
		}
		all[name] = value;
	}
	return all;
}

/**
 * Refuses an API key that an HTTP header cannot carry. The message does not show the key.
 * @throws BackupError INVALID_INPUT
 */
export function checkedApiKey(apiKey: unknown): void {
	if (apiKey === undefined || apiKey === null || apiKey === '') return;
	const problem = problemOfKey(apiKey);
	if (problem === undefined) return;
	throw new BackupError('INVALID_INPUT', `The API key of the Qdrant credential ${problem}; nothing was sent.`, {
		hint: 'Copy the key into the API Key field of the credential once more, without line breaks and spaces around it.',
	});
}

function problemOfKey(apiKey: unknown): string | undefined {
	if (typeof apiKey !== 'string') return 'is not a text';
	if (/[\r\n]/.test(apiKey)) return 'holds a line break';
	if (/[^\x20-\x7e]/.test(apiKey)) return 'holds a character that is neither a Latin letter, a digit nor a common sign';
	return apiKey.trim() === apiKey ? undefined : 'begins or ends with a space';
}

/**
 * Parses the address of a server; paths are appended to it.
 * @throws BackupError INVALID_INPUT
 */
export function baseUrl(url: string): URL {
	let parsed: URL;
	try {
		parsed = new URL(url.trim());
	} catch (cause) {
		throw invalidUrl('The URL of the Qdrant server cannot be read.', cause);
	}
	if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
		throw invalidUrl('The URL of the Qdrant server begins with neither http:// nor https://.');
	}
	if (parsed.username || parsed.password) throw invalidUrl('The URL of the Qdrant server holds a password.');
	parsed.search = '';
	parsed.hash = '';
	parsed.pathname = parsed.pathname.replace(/\/+$/, '');
	return parsed;
}

/** The address as messages and manifests show it. */
export function describeUrl(url: string): string {
	const { origin, pathname } = baseUrl(url);
	return pathname === '/' ? origin : origin + pathname;
}

function invalidUrl(message: string, cause?: unknown): BackupError {
	return new BackupError('INVALID_INPUT', message, {
		cause,
		hint: 'Enter it like http://qdrant:6333 or https://xyz.cloud.qdrant.io:6333; the API key has a field of its own.',
	});
}

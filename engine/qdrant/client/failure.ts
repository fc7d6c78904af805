import { isCertificateCode } from '../../certificateCodes';
import { BackupError, messageOf } from '../../errors';

/** Whether we read from the server or write to it, which decides the code of an error. */
export type Role = 'source' | 'target';

/** A request that was refused (it has a status) or that got no answer (it has a code of the connection). */
export class QdrantFailure extends Error {
	constructor(
		message: string,
		readonly status?: number,
		readonly code?: string,
		/** Whether the answer comes from an unexpected server: something else than Qdrant. */
		readonly isFromUnexpectedServer = false,
		/** Seconds to wait before the next attempt, where the answer says so. */
		readonly retryAfter?: number,
	) {
		super(message);
	}
}

/** The status of the answer that led to an error; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
	const failure = error instanceof BackupError ? error.cause : error;
	return failure instanceof QdrantFailure ? failure.status : undefined;
}

/**
 * Whether the server may have begun what it was asked for although no answer of its own arrived: the connection broke, a
 * proxy in between gave up, or what answered OK was not Qdrant.
 */
export function isOutcomeUnknown(error: unknown): boolean {
	const status = statusOf(error);
	return (
		status === undefined ||
		[200, 408, 502, 503, 504].includes(status) ||
		(status >= 500 && isFromUnexpectedServer(error))
	);
}

/** How many seconds a server asks us to wait; undefined where it did not refuse for that reason. */
export function pauseWanted(error: unknown): number | undefined {
	const failure = error instanceof BackupError ? error.cause : error;
	if (!(failure instanceof QdrantFailure) || failure.status !== 429) return undefined;
	return failure.retryAfter ?? DEFAULT_PAUSE_S;
}

/** Whether the answer came from an unexpected server: a proxy, a web page, another product. */
export function isFromUnexpectedServer(error: unknown): boolean {
	const failure = error instanceof BackupError ? error.cause : error;
	return failure instanceof QdrantFailure && failure.isFromUnexpectedServer;
}

const DEFAULT_PAUSE_S = 5;

export const ADDRESS_HINT =
	'Enter the address of its HTTP interface, usually port 6333 (6334 is gRPC, 6335 between peers), past any log-in page.';

const CERTIFICATE_HINT =
	'The certificate of the server was not accepted. Use the host name that it was issued for; where its issuer is one of your own, start n8n with NODE_EXTRA_CA_CERTS set to the file of the issuer.';

/** Turns what a request failed with into the error for the user. `what` begins the message: `Could not list ...`. */
export function explain(error: unknown, role: Role, server: string, what: string): BackupError {
	if (error instanceof BackupError) return error;
	const failure = error instanceof QdrantFailure ? error : connectionFailure(error);
	const { status } = failure;
	const details = status === undefined ? undefined : { status };
	const make = (code: ConstructorParameters<typeof BackupError>[0], hint: string) =>
		new BackupError(code, `${what}: ${failure.message}`, { cause: failure, hint, ...(details && { details }) });
	const failed = role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED';
	if (status === 401 || status === 403) {
		const key = 'Check the API key of the Qdrant credential; snapshots need one with full access.';
		return make('ACCESS_DENIED', failure.isFromUnexpectedServer ? betweenHint(status, server) : key);
	}
	if (failure.isFromUnexpectedServer) return make(failed, betweenHint(status, server));
	if (status === undefined) {
		const code = role === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE';
		if (isCertificateCode(failure.code)) return make(code, CERTIFICATE_HINT);
		return make(code, `Check that ${server} is the address of the Qdrant server as seen from n8n, and that it runs.`);
	}
	if (status === 502 || status === 503 || status === 504) return make(failed, betweenHint(status, server));
	if (status === 429) return make(failed, RATE_HINT);
	return make(failed, refusalHint(failure.message));
}

const PAST_IT = 'or use an address that goes past it.';

/** The hint for the case that something else than Qdrant has answered. */
function betweenHint(status: number | undefined, server: string): string {
	if (status !== undefined && status >= 300 && status < 400) {
		return `${server} seems to be no Qdrant server, but to lead to one: enter the address that it redirects to. ${ADDRESS_HINT}`;
	}
	switch (status) {
		case 401:
		case 403:
		case 407:
		case 511:
			return `It is not Qdrant that refuses, but a proxy or firewall before it: let n8n pass there, ${PAST_IT}`;
		case 405:
		case 501:
			return `A proxy before Qdrant does not let all requests pass: allow GET, POST, PUT, PATCH and DELETE there, ${PAST_IT}`;
		case 411:
		case 413:
		case 414:
			return `A proxy before Qdrant limits how long requests may be: raise its limit (nginx: client_max_body_size 0), ${PAST_IT}`;
		case 408:
		case 499:
		case 502:
		case 503:
		case 504:
		case 524:
			return `A proxy between n8n and Qdrant could not reach it, or gave up waiting: look whether Qdrant runs, raise the proxy's time-out, ${PAST_IT}`;
		default:
			return `${server} seems to be no Qdrant server, or a proxy answers in its place. ${ADDRESS_HINT}`;
	}
}

const RATE_HINT =
	"The collection's strict mode, or a proxy, limits how often may be asked. Try again later, or raise the limit.";

/** What 1.16.3 says of a full disk: the system's own words, or, of an upload that it could not store, its form's. */
function refusalHint(message: string): string {
	if (/No space left|os error 28/i.test(message)) {
		return 'The disk of the Qdrant server is full: make room on it, for a snapshot needs as much as the collection.';
	}
	if (message.includes('processing field: snapshot')) {
		return 'The server could not store the file: look whether the disk that its snapshots go to is full, and at its log.';
	}
	return 'The message is the one of the Qdrant server; its log may tell more.';
}

/** A broken or refused connection, in words. */
export function connectionFailure(error: unknown): QdrantFailure {
	const told = (error as { code?: unknown } | null)?.code;
	const code = typeof told === 'string' ? told : undefined;
	if (code?.startsWith('HPE_')) return new QdrantFailure('what answers there is not HTTP', undefined, code, true);
	if (code === 'EPROTO')
		return new QdrantFailure('what answers there does not speak TLS (https)', undefined, code, true);
	return new QdrantFailure(messageOf(error), undefined, code);
}

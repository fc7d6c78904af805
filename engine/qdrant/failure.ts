import { isCertificateCode } from '../certificateCodes';
import { BackupError, messageOf } from '../errors';

/** Whether we read from the server or write to it: decides the error's code. */
export type Role = 'source' | 'target';

/** A request that was refused (status) or that got no answer (code of the connection). */
export class QdrantFailure extends Error {
	constructor(
		message: string,
		readonly status?: number,
		readonly code?: string,
		/** What answered is something else than Qdrant. */
		readonly isForeign = false,
	) {
		super(message);
	}
}

/** The status of the answer that an error stands for; undefined where there was none. */
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
	return status === undefined || [200, 408, 502, 503, 504].includes(status);
}

/** Whether something else than Qdrant answered. */
export function isForeign(error: unknown): boolean {
	const failure = error instanceof BackupError ? error.cause : error;
	return failure instanceof QdrantFailure && failure.isForeign;
}

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
	if (status === 401 || status === 403) {
		return make('ACCESS_DENIED', 'Check the API key of the Qdrant credential; snapshots need one with full access.');
	}
	if (failure.isForeign) {
		const code = role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED';
		return make(code, `${server} seems to be no Qdrant server. ${ADDRESS_HINT}`);
	}
	if (status === undefined) {
		const code = role === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE';
		if (isCertificateCode(failure.code)) return make(code, CERTIFICATE_HINT);
		return make(code, `Check that ${server} is the server's address as seen from n8n, and that the server runs.`);
	}
	if (status === 408 || status === 502 || status === 504) {
		return make(
			role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED',
			'A proxy between n8n and Qdrant gave up waiting; raise its time-out or use an address that goes past it.',
		);
	}
	return make(role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED', refusalHint(failure.message));
}

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

import { isCertificateCode } from '../../certificateCodes';
import { BackupError, messageOf, type ErrorCode } from '../../errors';

/** Whether we read from the n8n or write to it, which decides the code of an error. */
export type Role = 'source' | 'target';

/** A request that was refused (it has a status) or that got no answer (it has a code of the connection). */
export class N8nFailure extends Error {
	readonly status: number | undefined;
	readonly code: string | undefined;
	/** Whether something else than the API of an n8n has answered. */
	readonly isForeign: boolean;
	/** Seconds to wait before the next attempt, where the answer says so. */
	readonly retryAfter: number | undefined;

	constructor(message: string, facts: Partial<Pick<N8nFailure, 'status' | 'code' | 'isForeign' | 'retryAfter'>> = {}) {
		super(message);
		this.status = facts.status;
		this.code = facts.code;
		this.isForeign = facts.isForeign ?? false;
		this.retryAfter = facts.retryAfter;
	}
}

/** The answer was longer than what may be read into memory. */
export class AnswerTooLong extends N8nFailure {}

/** Whether n8n itself says that there is no such thing, or that it has no such call. */
export function isNotFound(error: unknown): boolean {
	const failure = failureOf(error);
	return failure?.status === 404 && !failure.isForeign;
}

/** Whether n8n refuses for want of a licence. Facts of 2.41.3: 403 with "Your license does not allow for feat:variables. ..." */
export function isUnlicensed(error: unknown): boolean {
	const failure = failureOf(error);
	return failure?.status === 403 && /licen[sc]e/i.test(failure.message);
}

/** Whether n8n refuses a parameter of a query that it does not know: 400 with "Unknown query parameter 'publishIfActive'". */
export function isUnknownQuery(error: unknown): boolean {
	const failure = failureOf(error);
	return failure?.status === 400 && /unknown query parameter/i.test(failure.message);
}

export function failureOf(error: unknown): N8nFailure | undefined {
	const failure = error instanceof BackupError ? error.cause : error;
	return failure instanceof N8nFailure ? failure : undefined;
}

/** A broken or refused connection, in words. */
export function connectionFailure(error: unknown): N8nFailure {
	if (error instanceof N8nFailure) return error;
	const told = (error as { code?: unknown } | null)?.code;
	const code = typeof told === 'string' ? told : undefined;
	if (code?.startsWith('HPE_')) return new N8nFailure('what answers there is not HTTP', { code, isForeign: true });
	if (code === 'EPROTO')
		return new N8nFailure('what answers there does not speak TLS (https)', { code, isForeign: true });
	return new N8nFailure(messageOf(error), code === undefined ? {} : { code });
}

/** What a call was about, for the error that it may end with. */
export interface CallFacts {
	/** Begins the message: `Could not list the workflows`. */
	what: string;
	/** What the API key needs for it: `workflow:list`. */
	scope: string;
	role: Role;
	/** The address of the API. */
	server: string;
}

/** Turns what a request failed with into the error for the user. */
export function explain(error: unknown, { what, scope, role, server }: CallFacts): BackupError {
	if (error instanceof BackupError) return error;
	const failure = connectionFailure(error);
	const { status } = failure;
	const make = (code: ErrorCode, hint: string) =>
		new BackupError(code, `${what} at ${server}: ${failure.message}`, {
			cause: failure,
			hint,
			...(status !== undefined && { details: { status } }),
		});
	const failed: ErrorCode = role === 'source' ? 'SOURCE_FAILED' : 'TARGET_FAILED';
	if (status === undefined && !failure.isForeign) {
		const code: ErrorCode = role === 'source' ? 'SOURCE_UNREACHABLE' : 'TARGET_UNREACHABLE';
		return make(code, isCertificateCode(failure.code) ? CERTIFICATE_HINT : reachHint(server));
	}
	if (status === 429) return make(failed, 'n8n, or a proxy before it, limits how often may be asked. Try again later.');
	if (status === 502 || status === 503 || status === 504) return make(failed, BEHIND_PROXY_HINT);
	if (failure.isForeign) return make(status === 401 || status === 403 ? 'ACCESS_DENIED' : failed, foreignHint(server));
	if (status === 401) return make('ACCESS_DENIED', /\/v\d+$/.test(server) ? KEY_HINT : `${URL_HINT} ${KEY_HINT}`);
	if (status === 403) return make('ACCESS_DENIED', isUnlicensed(failure) ? LICENCE_HINT : scopeHint(scope));
	if (status === 404 && /^not found$/.test(failure.message)) return make(failed, foreignHint(server));
	return make(failed, 'The message is the one of n8n; its log may tell more.');
}

const URL_HINT = 'The Base URL of an n8n API credential ends in /api/v1, and this one does not.';
const KEY_HINT =
	'The API key is wrong, was deleted or has expired. Make a new one in that n8n under Settings, n8n API, and put it into the credential.';
const LICENCE_HINT = 'The licence of that n8n does not include it.';
const BEHIND_PROXY_HINT = 'A proxy before that n8n could not reach it, or n8n is just starting: look whether it runs.';
const CERTIFICATE_HINT =
	'The certificate of the server was not accepted. Use the host name that it was issued for; where its issuer is one of your own, start n8n with NODE_EXTRA_CA_CERTS set to the file of the issuer.';

function reachHint(server: string): string {
	return `Check that ${server} is the address of that n8n as seen from this one, and that it runs.`;
}

function scopeHint(scope: string): string {
	return `The API key needs the scope ${scope}: n8n shows and sets it under Settings, n8n API. The user whose key it is must also be allowed to.`;
}

function foreignHint(server: string): string {
	return `${server} does not seem to be the public API of an n8n: enter a Base URL that ends in /api/v1, past any log-in page of a proxy, and look that the API is not switched off there (N8N_PUBLIC_API_DISABLED).`;
}

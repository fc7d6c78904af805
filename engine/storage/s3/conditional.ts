import { isNotImplemented, S3Failure } from './failure';
import type { S3Answer, S3Request, S3Requests } from './requests';

/** What servers answer that do not know conditional writes; some call the header an invalid argument. */
const REFUSALS = ['NotImplemented', 'InvalidArgument', 'InvalidRequest', 'UnsupportedHeader'];

/**
 * Creates objects only where there is none: `If-None-Match: *`
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html). A server that refuses the header is
 * asked without it from then on; one that ignores it cannot be told apart, unless it is put to the proof. For both the caller looks
 * first, which leaves a window of one request.
 */
export class CreateOnly {
	#refused = false;
	#isProved = false;
	#isTried = false;

	constructor(private readonly requests: S3Requests) {}

	/** Whether the server was seen to refuse a second object under a key: then nobody has to look whether there is one. */
	get isProved(): boolean {
		return this.#isProved;
	}

	/**
	 * Finds out, once, whether the server heeds the header, by a request that has just created an object: sent again, it is to be refused.
	 * One that is not writes the same once more.
	 * @throws BackupError CANCELLED
	 */
	async prove(request: S3Request): Promise<void> {
		if (this.#isTried || this.#refused) return;
		this.#isTried = true;
		try {
			await this.requests.send({ ...request, headers: { ...request.headers, 'if-none-match': '*' } });
		} catch (error) {
			if (!(error instanceof S3Failure)) throw error;
			this.#isProved = error.status === 412;
		}
	}

	/** @throws S3Failure, PreconditionFailed where the object exists */
	async send(request: S3Request): Promise<S3Answer> {
		if (this.#refused) return await this.requests.send(request);
		try {
			const headers = { ...request.headers, 'if-none-match': '*' };
			return await this.requests.send({ ...request, headers });
		} catch (error) {
			if (!isRefusal(error)) throw error;
			const answer = await this.requests.send(request);
			this.#refused = true;
			return answer;
		}
	}
}

function isRefusal(error: unknown): boolean {
	if (!(error instanceof S3Failure)) return false;
	return isNotImplemented(error) || (error.status === 400 && REFUSALS.includes(error.code ?? ''));
}

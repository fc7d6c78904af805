/** What the minio client gives to whoever requires it by this path; it has types for that, which not every way of resolving modules finds. */
declare module 'minio/dist/main/signing.js' {
	/** `path` with the query; `protocol` of an address that is signed. Names of headers in lower case. */
	interface SignedRequest {
		protocol: string;
		method: string;
		path: string;
		headers: Record<string, string>;
	}

	/** The whole address. @param seconds for how long it can be used, a week at most */
	export function presignSignatureV4(
		request: SignedRequest,
		accessKey: string,
		secretKey: string,
		sessionToken: string | undefined,
		region: string,
		time: Date,
		seconds: number,
	): string;
}

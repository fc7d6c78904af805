/** Node's and OpenSSL's codes for a server's certificate that is not trusted, not its own or out of date. */
const CERTIFICATE_CODES =
	/^(CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_CERT|INVALID_CA$|INVALID_PURPOSE$|HOSTNAME_MISMATCH$)/;

/** Whether the code of a connection's error is about the server's certificate, which gets no better by asking again. */
export function isCertificateCode(code: string | undefined): boolean {
	return CERTIFICATE_CODES.test(code ?? '');
}

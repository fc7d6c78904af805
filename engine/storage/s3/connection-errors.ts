import { endpointOf, type Explanation, patience, type Place } from './explanation';
import { isCertificateFailure, isProtocolMixUp, isTlsRefusal, type S3Failure } from './failure';

/** What it means that the server could not be asked, or that no answer came. */
export function ofConnection(failure: S3Failure, place: Place): Explanation {
	const endpoint = endpointOf(place);
	const encrypted = ofEncryption(failure, endpoint);
	if (encrypted) return encrypted;
	switch (failure.code) {
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
			return unresolved(failure, place);
		case 'ECONNREFUSED':
			return [
				'STORAGE_UNREACHABLE',
				`Nothing answers at the ${endpoint}${patience(failure)}.`,
				'Check Endpoint in the credential, its port too, and that the server runs.',
			];
		case 'ETIMEDOUT':
			return [
				'STORAGE_UNREACHABLE',
				`The ${endpoint} does not answer${patience(failure)}: ${failure.message}.`,
				'Check that the server runs, and firewalls and proxies between. Outage Tolerance and Stall Timeout in the credential (Advanced) say how long is waited.',
			];
		default:
			return broken(failure, place);
	}
}

function ofEncryption(failure: S3Failure, endpoint: string): Explanation | undefined {
	if (isCertificateFailure(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`The certificate of the ${endpoint} is not trusted: ${failure.message}.`,
			'Give the certificate of its authority in the credential (Advanced), or switch on "Ignore SSL Issues" if you trust the network.',
		];
	}
	if (isProtocolMixUp(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`The ${endpoint} does not speak HTTPS.`,
			'Begin the endpoint with http:// or use the HTTPS port.',
		];
	}
	if (isTlsRefusal(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`The ${endpoint} and n8n cannot agree on an encrypted connection: ${failure.code}.`,
			'The server offers only outdated encryption, does not know this host name, or wants a certificate of the client. Check its TLS settings, and the name in the endpoint.',
		];
	}
	return undefined;
}

/** In virtual-host style the bucket is part of the name, which DNS may not know although it knows the server's. */
function unresolved(failure: S3Failure, { settings }: Place): Explanation {
	const { host, bucket, forcePathStyle } = settings;
	const asked = (failure.cause as { hostname?: unknown } | undefined)?.hostname;
	const name = typeof asked === 'string' ? asked : host;
	const style = forcePathStyle
		? ''
		: ` With Force Path Style off the bucket is part of the name (${bucket}.${host}): switch it on unless the server is made for that.`;
	const temporary = failure.code === 'EAI_AGAIN' ? ' The name server did not answer: it may be down.' : '';
	return [
		'STORAGE_UNREACHABLE',
		`The name ${name} of the S3 endpoint could not be resolved${patience(failure)}.`,
		`Check Endpoint in the credential; in Docker it is the name of the service.${temporary}${style}`,
	];
}

function broken(failure: S3Failure, place: Place): Explanation {
	const { secure } = place.settings;
	const isGarbled = failure.code?.startsWith('HPE_') ?? false;
	const scheme = secure ? '' : ' If it expects HTTPS, begin the endpoint with https://.';
	return [
		'STORAGE_UNREACHABLE',
		isGarbled
			? `What the ${endpointOf(place)} answers is not HTTP${patience(failure)}: ${failure.message}.`
			: `The connection to the ${endpointOf(place)} failed${patience(failure)}: ${failure.message}.`,
		`Check the network between n8n and the server, and that it is an S3 server that listens at this port; then run it again.${scheme}`,
	];
}

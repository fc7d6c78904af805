import { byCode } from './codes';
import { endpointOf, type Explanation, patience, type Place, said, subject } from './explanation';
import { isFull, NOT_S3, type S3Failure } from './failure';

const MIB = 1024 ** 2;

/** An answer is signed for a quarter of an hour. */
const CLOCK_TOLERANCE_MS = 15 * 60 * 1000;

/** What a server's answer means that is not the one hoped for. */
export function ofAnswer(failure: S3Failure, place: Place): Explanation {
	const { bucket, region } = place.settings;
	if (isFull(failure)) return full(failure, place);
	const explained = byCode(failure, place);
	if (explained) return explained;
	if (failure.region && failure.region !== region) {
		return [
			'INVALID_INPUT',
			`The bucket ${bucket} is in region ${failure.region}; the credential says ${region}.`,
			`Set the region to ${failure.region}.`,
		];
	}
	return byStatus(failure, place);
}

function byStatus(failure: S3Failure, place: Place): Explanation {
	const status = failure.status ?? 0;
	if (status >= 300 && status < 400) return redirected(failure, place);
	if (speaksHttpsOnly(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`The ${endpointOf(place)} speaks HTTPS, and the credential says http://.`,
			'Begin the endpoint with https://.',
		];
	}
	if (status === 413) return tooLarge(failure, place);
	if (status === 403 || status === 401)
		return failure.isOfS3 ? denied(failure, place) : refusedOnTheWay(failure, place);
	if (status === 404 && failure.isOfS3) {
		return [
			'STORAGE_MISSING',
			`${subject(place)} does not exist.`,
			'It may have been pruned. List the backups to see what there is.',
		];
	}
	if (status >= 500 || status === 429 || status === 408) return failing(failure, place);
	if (!failure.isOfS3) return notS3(failure, place);
	return [
		'STORAGE_FAILED',
		`The S3 server failed on ${subject(place)}: ${said(failure)}${patience(failure)}.`,
		"It is no outage, so asking again is of little use. The server's log, or its documentation of this code, may say more.",
	];
}

function full(failure: S3Failure, place: Place): Explanation {
	return [
		'STORAGE_FULL',
		`${place.storage} has no room left: ${said(failure)}.`,
		'Prune old backups, or raise the quota or the cap of the account. Old versions and unfinished uploads take up room, too.',
	];
}

function denied(failure: S3Failure, place: Place): Explanation {
	const ahead = failure.clockAheadMs ?? 0;
	if (Math.abs(ahead) > CLOCK_TOLERANCE_MS) {
		const minutes = Math.round(Math.abs(ahead) / 60_000);
		return [
			'STORAGE_DENIED',
			`This machine's clock is ${minutes} minutes ${ahead > 0 ? 'ahead of' : 'behind'} the S3 server's, which refuses requests from another time: ${said(failure)}.`,
			'Set the clock (NTP) of the one that is wrong.',
		];
	}
	return [
		'STORAGE_DENIED',
		`The S3 server does not allow access to ${subject(place)}: ${said(failure)}.`,
		'The keys need s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects.',
	];
}

function refusedOnTheWay(failure: S3Failure, place: Place): Explanation {
	return [
		'STORAGE_DENIED',
		`The ${endpointOf(place)} refuses access, but not as an S3 server does: ${said(failure)}.`,
		'A proxy, a firewall or a login page before the server refuses it, or the endpoint is not that of an S3 server.',
	];
}

/** Redirects are not followed: a signature holds for one host, and one for GET would lose the body of a PUT. */
function redirected({ status, location }: S3Failure, place: Place): Explanation {
	const { host, secure } = place.settings;
	const target = originOf(location, secure);
	const message = `The ${endpointOf(place)} does not answer itself, but refers to ${target?.origin ?? 'another address'} (HTTP status ${status}).`;
	if (!target) return ['INVALID_INPUT', message, "Check the endpoint: it has to be the S3 server's own address."];
	const isToHttps = target.hostname === host && target.protocol === 'https:' && !secure;
	return [
		'INVALID_INPUT',
		message,
		isToHttps
			? `Begin the endpoint with https://: ${target.origin}.`
			: `If that is the S3 server, make it the endpoint: ${withoutBucket(target, place)}. If it is a login page or a console, the endpoint has to be the address of the server's S3 interface.`,
	];
}

/** AWS names a host alone. Nothing of a redirect is shown but where it leads to. */
function originOf(location: string | undefined, secure: boolean): URL | undefined {
	if (!location || location.startsWith('/')) return undefined;
	const text = /^https?:\/\//i.test(location) ? location : `${secure ? 'https' : 'http'}://${location}`;
	return URL.canParse(text) ? new URL(text) : undefined;
}

/** Redirects of AWS lead to the bucket's own name, of which the endpoint is the rest. */
function withoutBucket({ origin }: URL, { settings }: Place): string {
	return origin.replace(`//${settings.bucket}.`, '//');
}

function speaksHttpsOnly({ status, message, isOfS3 }: S3Failure): boolean {
	return status === 400 && !isOfS3 && /https/i.test(message);
}

/** Proxies limit the size of a request (nginx to 1 MiB by default), and so does S3 that of an object. */
function tooLarge(failure: S3Failure, place: Place): Explanation {
	const size = Math.floor(place.settings.partSize / MIB);
	if (failure.isOfS3) {
		return [
			'INVALID_INPUT',
			`The S3 server takes nothing as large as this for ${subject(place)}: ${said(failure)}.`,
			`Set a smaller Part Size (MiB) in the credential (Advanced); it is ${size} now.`,
		];
	}
	return [
		'STORAGE_DENIED',
		`A proxy before the ${endpointOf(place)} takes no request as large as the parts of an upload (HTTP status 413).`,
		`Let it take ${size} MiB and more (nginx: client_max_body_size), or set a smaller Part Size (MiB) in the credential (Advanced), 5 at least.`,
	];
}

function failing(failure: S3Failure, place: Place): Explanation {
	const who = failure.isOfS3 ? 'The S3 server' : `The S3 server, or a proxy before it,`;
	return [
		'STORAGE_FAILED',
		`${who} failed on ${subject(place)}: ${said(failure)}${patience(failure)}.`,
		'The log of the S3 server may say more. If the server was only busy, run it again.',
	];
}

function notS3({ status, code, message }: S3Failure, place: Place): Explanation {
	const how = code === NOT_S3 ? `: ${message.charAt(0).toLowerCase()}${message.slice(1)}` : '';
	return [
		'INVALID_INPUT',
		`The ${endpointOf(place)} answers, but not as an S3 server (HTTP status ${status}${how}).`,
		"Check the endpoint: it has to be the address and port of the server's S3 interface, not of its console or web page (MinIO: usually port 9000, while the console has 9001). A proxy or a login page between may answer in its place, too.",
	];
}

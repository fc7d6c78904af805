import { BackupError, type ErrorCode } from '../../errors';
import {
	failureOfConnection,
	isCertificateFailure,
	isConnectionFailure,
	isProtocolMixUp,
	type S3Failure,
} from './failure';
import type { S3Settings } from './options';

/** What a BackupError needs to know about where the failure happened. */
export interface Place {
	settings: S3Settings;
	/** The storage's description. */
	storage: string;
	/** The object asked for, as the storage's user names it; empty for the bucket. */
	key: string;
}

/** A BackupError's code, what happened and what to do about it. */
type Explanation = [ErrorCode, string, string];

/** Turns what a request threw into a BackupError; a BackupError passes through. */
export function s3Error(error: unknown, place: Place): BackupError {
	if (error instanceof BackupError) return error;
	const failure = failureOfConnection(error);
	const [code, message, hint] = isConnectionFailure(failure) ? ofConnection(failure, place) : ofAnswer(failure, place);
	const details = { status: failure.status, s3Code: failure.code, attempts: failure.attempts };
	return new BackupError(code, message, { cause: failure, hint, details });
}

function ofConnection(failure: S3Failure, { settings }: Place): Explanation {
	const server = `${settings.host}:${settings.port}`;
	if (isCertificateFailure(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`The certificate of ${server} is not trusted: ${failure.message}.`,
			'Give the certificate of its authority in the credential, or switch on "Ignore SSL Issues" if you trust the network.',
		];
	}
	if (isProtocolMixUp(failure)) {
		return [
			'STORAGE_UNREACHABLE',
			`${server} does not speak HTTPS.`,
			'Begin the endpoint with http:// or use the HTTPS port.',
		];
	}
	switch (failure.code) {
		case 'ENOTFOUND':
		case 'EAI_AGAIN':
			return [
				'STORAGE_UNREACHABLE',
				`The name ${settings.host} could not be resolved.`,
				'Check the endpoint. In Docker use the name of the service; with virtual-host style the bucket is part of the name: try path style.',
			];
		case 'ECONNREFUSED':
			return [
				'STORAGE_UNREACHABLE',
				`Nothing answers at ${server}.`,
				'Check endpoint and port, and that the server runs.',
			];
		default:
			return [
				'STORAGE_UNREACHABLE',
				`The connection to ${server} failed after ${failure.attempts} attempts: ${failure.message}.`,
				'Check the network between n8n and the server, and the server itself; then run it again.',
			];
	}
}

function ofAnswer(failure: S3Failure, place: Place): Explanation {
	const { bucket, region } = place.settings;
	const explained = byCode(failure, place);
	if (explained) return explained;
	if (failure.region && failure.region !== region) {
		return [
			'INVALID_INPUT',
			`The bucket ${bucket} is in region ${failure.region}; the credential says ${region}.`,
			`Set the region to ${failure.region}.`,
		];
	}
	if (failure.status === 403 || failure.status === 401) return denied(failure, place);
	if (failure.status === 404) {
		return [
			'STORAGE_MISSING',
			`${subject(place)} does not exist.`,
			'It may have been pruned. List the backups to see what there is.',
		];
	}
	const times = failure.attempts > 1 ? ` (tried ${failure.attempts} times)` : '';
	return [
		'STORAGE_FAILED',
		`The S3 server failed on ${subject(place)}: ${failure.code ?? failure.status}: ${failure.message}${times}.`,
		'The log of the S3 server may say more. If the server was only busy, run it again.',
	];
}

function byCode(failure: S3Failure, place: Place): Explanation | undefined {
	const { bucket } = place.settings;
	if (failure.status === 400 && /part number/i.test(failure.message)) {
		return [
			'INVALID_INPUT',
			`The S3 server takes fewer parts than this object needs: ${failure.message}.`,
			'Raise the part size in the credential (OpenStack Swift takes 1,000 parts unless max_upload_part_num says otherwise).',
		];
	}
	if (failure.status === 400 && /object ?lock/i.test(failure.message)) {
		return [
			'INVALID_INPUT',
			`The bucket ${bucket} has no object lock.`,
			'Use a bucket created with object lock, or switch it off here.',
		];
	}
	switch (failure.code) {
		case 'NoSuchBucket':
			return ['STORAGE_MISSING', `There is no bucket ${bucket}.`, 'Create it, or correct its name in the credential.'];
		case 'InvalidAccessKeyId':
		case 'InvalidTokenId':
			return [
				'STORAGE_DENIED',
				'The S3 server does not know this access key.',
				'Check the access key in the credential.',
			];
		case 'SignatureDoesNotMatch':
			return ['STORAGE_DENIED', 'The S3 server rejects the secret key.', 'Check the secret key in the credential.'];
		case 'ExpiredToken':
		case 'InvalidToken':
			return [
				'STORAGE_DENIED',
				'The session token is not valid, or no longer.',
				'Give a new one, or keys that do not expire.',
			];
		case 'RequestTimeTooSkewed':
			return [
				'STORAGE_DENIED',
				"This machine's clock and the S3 server's differ too much.",
				'Set the clock (NTP) of the one that is wrong.',
			];
		case 'PreconditionFailed':
		case 'ConditionalRequestConflict':
			return [
				'STORAGE_EXISTS',
				`${subject(place)} exists already, or is being written at this moment; nothing was overwritten.`,
				'Choose another name, or wait for the other run to end.',
			];
		case 'QuotaExceeded':
		case 'XMinioStorageFull':
		case 'XMinioAdminBucketQuotaExceeded':
		case 'InsufficientStorage':
			return [
				'STORAGE_FULL',
				`The S3 server has no room left: ${failure.message}.`,
				'Prune old backups, or raise the quota.',
			];
		default:
			return undefined;
	}
}

function denied(failure: S3Failure, place: Place): Explanation {
	return [
		'STORAGE_DENIED',
		`The S3 server does not allow access to ${subject(place)}: ${failure.code ?? failure.message}.`,
		'The keys need s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects.',
	];
}

function subject(place: Place): string {
	return place.key ? `${place.key} in ${place.storage}` : place.storage;
}

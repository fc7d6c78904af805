import { type Explanation, type Place, said, subject } from './explanation';
import type { S3Failure } from './failure';

type Explainer = (failure: S3Failure, place: Place) => Explanation;

const denies =
	(message: string, hint: string): Explainer =>
	(failure) => ['STORAGE_DENIED', `${message}: ${said(failure)}.`, hint];

const unknownKey = denies('The S3 server does not know this access key', 'Check the access key in the credential.');

const invalidToken = denies(
	'The session token is not valid, or no longer',
	'Give a new one, or keys that do not expire.',
);

const wrongTime = denies(
	"This machine's clock and the S3 server's differ too much",
	'Set the clock (NTP) of the one that is wrong.',
);

const exists: Explainer = (_, place) => [
	'STORAGE_EXISTS',
	`${subject(place)} exists already, or is being written at this moment; nothing was overwritten.`,
	'Choose another name, or wait for the other run to end.',
];

const suspended = denies(
	'The account at the S3 server is closed for now',
	'See to the account: a payment, a confirmation or an administrator may be missing.',
);

/** By S3's error code (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and those of other servers. */
const BY_CODE: Record<string, Explainer> = {
	NoSuchBucket: (_, { settings }) => [
		'STORAGE_MISSING',
		`There is no bucket ${settings.bucket}.`,
		'Create it, or correct its name in the credential.',
	],
	InvalidAccessKeyId: unknownKey,
	InvalidTokenId: unknownKey,
	// VersityGW's, which answers 404 with it.
	XAdminUserNotFound: unknownKey,
	SignatureDoesNotMatch: (failure) => [
		'STORAGE_DENIED',
		`The S3 server rejects the secret key: ${said(failure)}.`,
		'Check the secret key in the credential. A proxy that changes the host or the path of requests has the same effect.',
	],
	ExpiredToken: invalidToken,
	InvalidToken: invalidToken,
	RequestTimeTooSkewed: wrongTime,
	RequestExpired: wrongTime,
	AccountProblem: suspended,
	AllAccessDisabled: suspended,
	NotSignedUp: suspended,
	UserSuspended: suspended,
	PaymentRequired: suspended,
	PreconditionFailed: exists,
	ConditionalRequestConflict: exists,
	InvalidObjectState: (failure, place) => [
		'STORAGE_FAILED',
		`${subject(place)} lies in a storage class that has to be thawed before it can be read: ${said(failure)}.`,
		'Restore the object from its class at the provider first. For backups choose a class that can be read at once.',
	],
	InvalidStorageClass: (failure) => [
		'INVALID_INPUT',
		`The S3 server does not know this storage class: ${said(failure)}.`,
		'Correct Storage Class in the credential, or leave it empty.',
	],
	IllegalLocationConstraintException: (failure) => [
		'INVALID_INPUT',
		`The bucket is in another region than the endpoint: ${said(failure)}.`,
		"Set endpoint and region to the bucket's.",
	],
};

/**
 * Whether an object is encrypted with a key that every request for it has to bring along (SSE-C). The code is that of any wrong request.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
export function isOfOwnersKey({ status, message }: S3Failure): boolean {
	return status === 400 && /stored using a form of server.side encryption/i.test(message);
}

/** What a server means by its error code, or by its words where the code says too little; undefined for the others. */
export function byCode(failure: S3Failure, place: Place): Explanation | undefined {
	const { code, status, message } = failure;
	if (status === 400 && /part number/i.test(message)) {
		return [
			'INVALID_INPUT',
			`The S3 server takes fewer parts than this object needs: ${said(failure)}.`,
			'Set Max Parts in the credential (Advanced) to what the server takes (OpenStack Swift: 1,000 unless max_upload_part_num says otherwise).',
		];
	}
	if (isOfOwnersKey(failure)) {
		return [
			'STORAGE_FAILED',
			`${subject(place)} is encrypted with a key that whoever stored it keeps (SSE-C): ${said(failure)}.`,
			'It can be read by programs that have this key alone.',
		];
	}
	if (status === 400 && /object ?lock/i.test(message)) {
		return [
			'INVALID_INPUT',
			`The bucket ${place.settings.bucket} has no object lock.`,
			"Use a bucket created with object lock, or set Object Lock in the credential to the bucket's default.",
		];
	}
	if (/\bcap exceeded\b/i.test(message)) {
		return denies(
			'A cap of the account at the S3 server is used up',
			'Raise the cap at the provider, or wait until it counts anew.',
		)(failure, place);
	}
	if (status === 403 && /expired|not yet (current|valid)|too skewed/i.test(message) && !/token/i.test(message)) {
		return wrongTime(failure, place);
	}
	return code !== undefined && Object.hasOwn(BY_CODE, code) ? BY_CODE[code]?.(failure, place) : undefined;
}

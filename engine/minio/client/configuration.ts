/** What a bucket is set up with, as far as the server's API gives it: documents that are kept and put back as they are. */
import { isNotImplemented, S3Failure } from '../../storage/s3/failure';
import { md5Of } from '../../storage/s3/object';
import type { S3Requests } from '../../storage/s3/requests';

/** The root of each document; undefined for JSON. */
const DOCUMENTS = {
	versioning: 'VersioningConfiguration',
	lifecycle: 'LifecycleConfiguration',
	policy: undefined,
	notification: 'NotificationConfiguration',
	cors: 'CORSConfiguration',
	tagging: 'Tagging',
} as const;

export type ConfigurationName = keyof typeof DOCUMENTS;
export const CONFIGURATION_NAMES = Object.keys(DOCUMENTS) as ConfigurationName[];

/** XML, or JSON for the policy, by its name in the API. */
export type BucketConfiguration = Partial<Record<ConfigurationName, string>>;

/** A policy has 20 KiB at most; the manifest has to stay small. */
const LARGEST_DOCUMENT = 256 * 1024;

export interface ReadConfiguration {
	configuration: BucketConfiguration;
	/** What could not be read although the server has such a thing: the keys may not, for instance. */
	unreadable: { name: ConfigurationName; reason: string }[];
}

/** @throws S3Failure where the server is out of reach, or there is no such bucket; BackupError CANCELLED */
export async function readConfiguration(
	requests: S3Requests,
	signal?: AbortSignal,
	names: readonly ConfigurationName[] = CONFIGURATION_NAMES,
): Promise<ReadConfiguration> {
	const configuration: BucketConfiguration = {};
	const unreadable: ReadConfiguration['unreadable'] = [];
	for (const name of names) {
		try {
			const { text } = await requests.send({ method: 'GET', query: { [name]: '' }, signal });
			if (!isDocument(name, text)) continue;
			if (text.length > LARGEST_DOCUMENT) unreadable.push({ name, reason: 'it is larger than 256 KiB' });
			else configuration[name] = text;
		} catch (error) {
			if (!(error instanceof S3Failure) || error.status === undefined || error.code === 'NoSuchBucket') throw error;
			// That there is none, or no such thing at all.
			if (error.status === 404 || isNotImplemented(error) || error.code === 'NotS3') continue;
			unreadable.push({ name, reason: error.code ?? `HTTP status ${error.status}` });
		}
	}
	return { configuration, unreadable };
}

/** Some servers answer to what they do not know with the list of the bucket, or with an empty document where there is nothing. */
function isDocument(name: ConfigurationName, text: string): boolean {
	const root = DOCUMENTS[name];
	if (root === undefined) return text.trimStart().startsWith('{');
	if (!new RegExp(`<${root}[\\s>]`).test(text)) return false;
	return !new RegExp(`<${root}[^>]*>\\s*(<TagSet>\\s*</TagSet>|<TagSet\\s*/>)?\\s*</${root}>`).test(text);
}

/**
 * Gives a bucket a document.
 * @returns false where the server has no such thing
 * @throws S3Failure; BackupError CANCELLED
 */
export async function writeConfiguration(
	requests: S3Requests,
	name: ConfigurationName,
	document: string,
	signal?: AbortSignal,
): Promise<boolean> {
	const body = Buffer.from(document);
	const headers = {
		'content-type': name === 'policy' ? 'application/json' : 'application/xml',
		'content-md5': md5Of(body).toString('base64'),
	};
	try {
		await requests.send({ method: 'PUT', query: { [name]: '' }, headers, body, signal });
		return true;
	} catch (error) {
		if (error instanceof S3Failure && isNotImplemented(error)) return false;
		throw error;
	}
}

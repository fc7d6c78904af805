import type { StorageFeatures } from '../features';
import { CreateOnly } from './conditional';
import { copyObject, headOfSource } from './copy';
import { isNotImplemented, S3Failure } from './failure';
import { listUploads } from './listing';
import { MultipartUpload } from './multipart';
import { headObject, md5Of } from './object';
import type { S3Request, S3Requests } from './requests';
import { elements, textOf } from './xml';

const CONTENT = Buffer.from('Written to find out what this bucket can do; may be deleted.\n');

/**
 * Tries what S3 servers do differently, on objects below a key of the caller's, and removes them again, also when it is
 * cancelled. What the keys may not ask for is left out of the answer.
 * @param scratch the beginning of whole keys in the bucket that nobody else uses
 * @throws S3Failure where objects cannot be stored at all; BackupError CANCELLED
 */
export async function tryFeatures(
	requests: S3Requests,
	scratch: string,
	headers: Record<string, string>,
	signal: AbortSignal = new AbortController().signal,
): Promise<StorageFeatures> {
	const keys = ['object', 'copy', 'parts'].map((name) => `${scratch}-${name}`) as [string, string, string];
	const [object, copy, parts] = keys;
	try {
		const createOnly = new CreateOnly(requests);
		const put: S3Request = {
			method: 'PUT',
			key: object,
			headers: { ...headers, 'content-md5': md5Of(CONTENT).toString('base64') },
			body: CONTENT,
			signal,
		};
		await requests.send(put);
		await createOnly.prove(put);
		const head = await headObject(requests, object, signal);
		return {
			createOnly: createOnly.isProved,
			...has('uploads', await tried(() => upload(requests, parts, headers, signal))),
			...has('listsUploads', await tried(() => firstUpload(requests, scratch, signal))),
			...has(
				'copies',
				await tried(async () => {
					const task = { requests, createOnly, from: object, to: copy, headers };
					return await copyObject(task, await headOfSource(task, signal), signal);
				}),
			),
			...has('tags', await tried(() => setsTags(requests, object, signal))),
			keepsVersions: head?.versionId !== undefined && head.versionId !== 'null',
			...(await lockOf(requests, signal)),
		};
	} finally {
		// Without the signal, so that a cancel leaves nothing.
		for (const key of keys) await removeAll(requests, key).catch(() => {});
	}
}

function has<T extends string>(name: T, answer: boolean | undefined): Partial<Record<T, boolean>> {
	return answer === undefined ? {} : ({ [name]: answer } as Partial<Record<T, boolean>>);
}

/** False where the server does not know the call, undefined where the keys may not make it. @throws BackupError CANCELLED */
async function tried(action: () => Promise<boolean>): Promise<boolean | undefined> {
	try {
		return await action();
	} catch (error) {
		if (!(error instanceof S3Failure)) throw error;
		return error.status === 403 || error.status === 401 ? undefined : false;
	}
}

async function upload(
	requests: S3Requests,
	key: string,
	headers: Record<string, string>,
	signal: AbortSignal,
): Promise<boolean> {
	const begun = await MultipartUpload.begin(requests, key, headers, signal);
	try {
		await begun.uploadPart(1, CONTENT, signal);
		await begun.complete(requests, signal);
		return true;
	} catch (error) {
		await begun.abort(new AbortController().signal).catch(() => {});
		throw error;
	}
}

async function firstUpload(requests: S3Requests, prefix: string, signal: AbortSignal): Promise<boolean> {
	for await (const _ of listUploads(requests, prefix, signal)) break;
	return true;
}

/** By setting one: Swift answers that an object has no tags, and refuses to set any. */
async function setsTags(requests: S3Requests, key: string, signal: AbortSignal): Promise<boolean> {
	const body = Buffer.from('<Tagging><TagSet><Tag><Key>setup-check</Key><Value>1</Value></Tag></TagSet></Tagging>');
	const headers = { 'content-type': 'application/xml', 'content-md5': md5Of(body).toString('base64') };
	await requests.send({ method: 'PUT', key, query: { tagging: '' }, headers, body, signal });
	return true;
}

/** Whether the bucket has object lock, and a rule by which it locks whatever is stored; one without it has no configuration of it. */
export async function lockOf(
	requests: S3Requests,
	signal: AbortSignal = new AbortController().signal,
): Promise<Pick<StorageFeatures, 'objectLock' | 'locksAll'>> {
	let rule: string | undefined;
	const objectLock = await tried(async () => {
		const { text } = await requests.send({ method: 'GET', query: { 'object-lock': '' }, signal });
		const [retention] = elements(text, 'DefaultRetention');
		const part = (name: string) => (retention === undefined ? undefined : textOf(retention, name));
		const [days, years] = [part('Days'), part('Years')];
		if (days ?? years) rule = `${part('Mode') ?? 'an unknown mode'}, ${days ? `${days} days` : `${years} years`}`;
		return textOf(text, 'ObjectLockEnabled') === 'Enabled';
	});
	return { ...has('objectLock', objectLock), ...(rule !== undefined && { locksAll: rule }) };
}

/** The version that was just made as well, where the bucket keeps them: it would take up room for ever. */
async function removeAll(requests: S3Requests, key: string): Promise<void> {
	for (let looks = 0; looks < MOST_VERSIONS; looks++) {
		const head = await headObject(requests, key);
		if (!head) return;
		const query: Record<string, string> = head.versionId === undefined ? {} : { versionId: head.versionId };
		try {
			await requests.send({ method: 'DELETE', key, query });
		} catch (error) {
			// Who may not delete versions may delete objects.
			if (!(error instanceof S3Failure) || isNotImplemented(error)) throw error;
			await requests.send({ method: 'DELETE', key });
			return;
		}
	}
}

/** Of an object that was stored, and stored again where the server does not heed conditions. */
const MOST_VERSIONS = 4;

/** What would make a back up or a restore of buckets fail. */
import { BackupError } from '../errors';
import { clockFindings, finder, findingsOf, proxyFindings, type SetupFinding } from '../preflight';
import { checkTarget } from './checkTarget';
import { chosenBuckets, type BucketChoice } from './chosenBuckets';
import { S3Client, type Bucket, type S3Connection } from './client';

export interface CheckBucketsOptions extends BucketChoice {
	connection: S3Connection;
	/** Whether writing is tried as well, by an object that is removed again. */
	writes?: boolean;
}

/** @throws BackupError CANCELLED; what else fails is a finding */
export async function checkBuckets(options: CheckBucketsOptions): Promise<SetupFinding[]> {
	const { connection, writes = false, signal } = options;
	const reach = finder('Connection', connection.endpoint, 'backup');
	const found = await findingsOf(reach, async () => {
		const client = new S3Client({ ...connection, runSignal: signal }, 'source');
		// What goes wrong with writing is told as of a target.
		const target = new S3Client({ ...connection, runSignal: signal }, 'target');
		try {
			const names = await chosenBuckets(client, options);
			const findings: SetupFinding[] = [];
			const [first] = names;
			if (first !== undefined) findings.push(...(await serverClock(client.bucket(first), client.endpoint, signal)));
			for (const name of names) {
				findings.push(...(await bucketFindings(client.bucket(name), signal)));
				if (writes) findings.push(...(await checkTarget(target.bucket(name), signal)));
			}
			return [
				names.length > 0
					? reach.ok(
							`The server answers, and ${names.length === 1 ? '1 bucket was' : `${names.length} buckets were`} looked at.`,
						)
					: reach.problem(
							'The server shows no bucket to these keys.',
							'Create one, or name the buckets: some keys may use buckets that they may not list.',
						),
				...findings,
				...proxyFindings(client.endpoint, true),
			];
		} finally {
			client.close();
			target.close();
		}
	});
	return found;
}

/** The names of all buckets. @throws BackupError ACCESS_DENIED where the keys may not list them */
export async function listBuckets(connection: S3Connection, signal?: AbortSignal): Promise<string[]> {
	const client = new S3Client(connection, 'source');
	try {
		return (await client.buckets(signal)).map(({ name }) => name);
	} finally {
		client.close();
	}
}

async function bucketFindings(bucket: Bucket, signal: AbortSignal | undefined): Promise<SetupFinding[]> {
	const reading = finder('Read Objects', bucket.name, 'backup');
	const tags = finder('Tags', bucket.name, 'backup');
	let first: string | undefined;
	const readable = await findingsOf(reading, async () => {
		for await (const { key } of bucket.list({ signal })) {
			(await bucket.open(key, { signal }))?.close();
			first = key;
			break;
		}
		return [
			reading.ok(
				first === undefined ? 'Its objects may be listed; it has none.' : 'Its objects may be listed and read.',
			),
		];
	});
	const tagged = await findingsOf(tags, async () => {
		if (first === undefined) return [];
		const found = await bucket.tags(first, signal);
		return [tags.ok(found ? 'Tags of objects may be read.' : 'The server has no tags, so there is none to back up.')];
	});
	const kept = await findingsOf(
		finder('Versions', bucket.name, 'backup'),
		async () => await versionFindings(bucket, signal),
	);
	return [...readable, ...tagged, ...kept];
}

/** Whether versions may be read as well, where the bucket has kept some. */
async function versionFindings(bucket: Bucket, signal: AbortSignal | undefined): Promise<SetupFinding[]> {
	const { ok, warning } = finder('Versions', bucket.name, 'backup');
	const state = await bucket.versioning(signal);
	if (!state) return [ok('The bucket never kept versions.')];
	const told = state === 'Enabled' ? 'The bucket keeps versions' : 'Versioning is suspended';
	try {
		await readVersion(bucket, signal);
	} catch (error) {
		if (!(error instanceof BackupError) || error.code !== 'ACCESS_DENIED') throw error;
		return [
			warning(
				`${told}, and the keys may not read them, so a backup with Versions at All fails: ${error.message}`,
				`Allow s3:ListBucketVersions on arn:aws:s3:::${bucket.name}, and s3:GetObjectVersion and s3:GetObjectVersionTagging on arn:aws:s3:::${bucket.name}/*. Or leave Versions at Current.`,
			),
		];
	}
	return [ok(`${told}, and they may be listed and read.`)];
}

async function readVersion(bucket: Bucket, signal: AbortSignal | undefined): Promise<void> {
	for await (const { key, versions } of bucket.listVersions({ signal })) {
		const version = versions.find(({ isDeleteMarker }) => !isDeleteMarker);
		if (!version) continue;
		const { versionId } = version;
		(await bucket.open(key, { versionId, signal }))?.close();
		await bucket.tags(key, signal, versionId);
		return;
	}
}

/** By the first bucket that answers; one that does not has told why. */
async function serverClock(bucket: Bucket, about: string, signal: AbortSignal | undefined): Promise<SetupFinding[]> {
	const from = new Date();
	try {
		const now = await bucket.now(signal);
		return now ? clockFindings(about, now, { from, to: new Date() }) : [];
	} catch (error) {
		if (!(error instanceof BackupError) || error.code === 'CANCELLED') throw error;
		return [];
	}
}

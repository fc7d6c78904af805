import { Client } from 'minio';

/** A real S3 server on 127.0.0.1, with its data in a temporary folder. */
export interface S3Server {
	/** `http://127.0.0.1:16000` */
	endpoint: string;
	region: string;
	accessKeyId: string;
	secretAccessKey: string;
	/** Creates an empty bucket and returns its name; with object lock where the server has it. */
	createBucket(name?: string, options?: { objectLock?: boolean }): Promise<string>;
	/** A client of its own, to look at what the storage left on the server. */
	client: Client;
	/** Ends the server and removes its data. */
	stop(): Promise<void>;
}

type Access = Pick<S3Server, 'endpoint' | 'region' | 'accessKeyId' | 'secretAccessKey'>;

let buckets = 0;

/** The server's description, given how to reach it and how to stop it. */
export function s3Server(access: Access, stop: () => Promise<void>): S3Server {
	const url = new URL(access.endpoint);
	const client = new Client({
		endPoint: url.hostname,
		port: Number(url.port),
		useSSL: url.protocol === 'https:',
		region: access.region,
		accessKey: access.accessKeyId,
		secretKey: access.secretAccessKey,
	});
	const createBucket: S3Server['createBucket'] = async (name = `test-${process.pid}-${++buckets}`, options) => {
		await client.makeBucket(name, access.region, { ObjectLocking: options?.objectLock ?? false });
		return name;
	};
	return { ...access, client, createBucket, stop };
}

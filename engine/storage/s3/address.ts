/** Where the requests for a bucket and an object go: into the path, or before the name of the server. */
import type { S3Settings } from './options';
import { escaped } from './signature';

export interface Address {
	/** To be connected to. */
	host: string;
	/** The header: with the port, where it is not the usual one. */
	hostHeader: string;
	/** From the slash on, escaped. */
	path: string;
}

type Server = Pick<S3Settings, 'host' | 'port' | 'secure' | 'region' | 'bucket' | 'forcePathStyle'>;

/** Amazon's addresses of all regions; a request has to go to that of its own. */
const AMAZON = new Set(['s3.amazonaws.com', 's3.cn-north-1.amazonaws.com.cn']);

/**
 * The address of an object, of a bucket where there is no key, or of the server where there is no bucket.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html,
 * https://docs.aws.amazon.com/general/latest/gr/s3.html
 */
export function addressOf(server: Server, key: string | undefined): Address {
	const { port, secure, bucket } = server;
	const own = hostOf(server);
	const isInHost = bucket !== '' && isVirtualHosted(server);
	const host = isInHost ? `${bucket}.${own}` : own;
	const object = key ? escaped(key).replaceAll('%2F', '/') : '';
	const below = isInHost || bucket === '' ? object : `${bucket}${object && '/'}${object}`;
	const isUsualPort = port === (secure ? 443 : 80);
	const name = host.includes(':') ? `[${host}]` : host;
	return { host, hostHeader: isUsualPort ? name : `${name}:${port}`, path: `/${below}` };
}

/** A certificate for all buckets does not hold for a name with dots. */
function isVirtualHosted({ host, secure, bucket, forcePathStyle }: Server): boolean {
	if (secure && bucket.includes('.')) return false;
	return AMAZON.has(host) || !forcePathStyle;
}

function hostOf({ host, region }: Server): string {
	if (!AMAZON.has(host) || !/^[a-z]+(-[a-z]+)+-\d+$/.test(region)) return host;
	return `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { removeFolder, temporaryFolderForServer } from '../guard';
import { freePort, startProcess, type ServerProcess } from '../process';
import { s3Server, type S3Server } from './server';

const RINGS = ['account', 'container', 'object'] as const;
type Ring = (typeof RINGS)[number];

const REGION = 'us-east-1';

/** What `swift-ring-builder` does by nine calls: a ring of one device for each kind of server. */
const BUILD_RINGS = `
import json, sys
from os.path import join
from swift.common.ring import RingBuilder
folder, ports = sys.argv[1], json.loads(sys.argv[2])
for name, port in ports.items():
    builder = RingBuilder(4, 1, 1)
    builder.add_dev(dict(region=1, zone=1, ip='127.0.0.1', port=port, device='disk', weight=1, meta=''))
    builder.rebalance(seed='1')
    builder.get_ring().save(join(folder, name + '.ring.gz'))
`;

/**
 * OpenStack Swift, one process a server and one replica, with its s3api and tempauth middleware: multipart upload with
 * abort and list; neither conditional writes nor object lock. Needs Debian's swift-proxy, swift-account,
 * swift-container, swift-object and memcached, and runs as any user.
 */
export async function startSwift(): Promise<S3Server> {
	if (!existsSync('/usr/bin/swift-proxy-server')) {
		throw new Error('Swift is not installed: run `npm run test:system` as root, which installs it.');
	}
	const folder = temporaryFolderForServer('swift');
	const started: ServerProcess[] = [];
	const stop = async () => {
		await Promise.all(started.map((server) => server.stop()));
		removeFolder(folder);
	};
	try {
		const port = await startServers(folder, started);
		const access = { region: REGION, accessKeyId: 'test:tester', secretAccessKey: 'testing' };
		return s3Server({ ...access, endpoint: `http://127.0.0.1:${port}` }, stop);
	} catch (error) {
		await stop();
		throw error;
	}
}

async function python(program: string, ...args: string[]): Promise<void> {
	await promisify(execFile)('/usr/bin/python3', ['-c', program, ...args]);
}

async function startServers(folder: string, started: ServerProcess[]): Promise<number> {
	mkdirSync(join(folder, 'devices', 'disk'), { recursive: true });
	writeFileSync(join(folder, 'swift.conf'), '[swift-hash]\nswift_hash_path_suffix = test\n');
	started.push(await startMemcached(folder));
	const ports = {} as Record<Ring, number>;
	for (const ring of RINGS) ports[ring] = await freePort();
	await python(BUILD_RINGS, folder, JSON.stringify(ports));
	for (const ring of RINGS) {
		writeFileSync(join(folder, `${ring}.conf`), storageConfiguration(folder, ring, ports[ring]));
	}
	const backends = RINGS.map((ring) => startServer(folder, `swift-${ring}-server`, `${ring}.conf`, ports[ring]));
	for (const backend of await Promise.all(backends)) started.push(backend);
	const port = await freePort();
	writeFileSync(join(folder, 'proxy.conf'), proxyConfiguration(folder, port));
	started.push(await startServer(folder, 'swift-proxy-server', 'proxy.conf', port));
	return port;
}

async function startMemcached(folder: string): Promise<ServerProcess> {
	const port = await freePort();
	writeFileSync(join(folder, 'memcache.conf'), `[memcache]\nmemcache_servers = 127.0.0.1:${port}\n`);
	return await startProcess({
		name: 'memcached',
		command: '/usr/bin/memcached',
		args: ['-l', '127.0.0.1', '-p', String(port), '-u', userInfo().username],
		ready: () => true,
		readyWithinMs: 10_000,
	});
}

function startServer(folder: string, program: string, configuration: string, port: number): Promise<ServerProcess> {
	return startProcess({
		name: program,
		command: `/usr/bin/${program}`,
		args: [join(folder, configuration), '--verbose'],
		env: { PATH: process.env.PATH, HOME: folder },
		ready: async () => (await fetch(`http://127.0.0.1:${port}/healthcheck`)).ok,
		readyWithinMs: 60_000,
	});
}

function common(folder: string, port: number): string {
	return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userInfo().username}
swift_dir = ${folder}
devices = ${join(folder, 'devices')}
mount_check = false
workers = 0
fallocate_reserve = 0
log_level = WARNING
`;
}

function storageConfiguration(folder: string, ring: Ring, port: number): string {
	return `${common(folder, port)}
[pipeline:main]
pipeline = healthcheck ${ring}-server
[app:${ring}-server]
use = egg:swift#${ring}
[filter:healthcheck]
use = egg:swift#healthcheck
`;
}

function proxyConfiguration(folder: string, port: number): string {
	const pipeline = [
		'catch_errors proxy-logging healthcheck cache listing_formats s3api tempauth copy',
		'slo dlo versioned_writes symlink proxy-server',
	];
	const plain = ['catch_errors', 'proxy-logging', 'healthcheck', 'listing_formats', 'copy', 'slo', 'dlo', 'symlink'];
	const filters = plain.map((name) => `[filter:${name}]\nuse = egg:swift#${name.replace('-', '_')}\n`);
	return `${common(folder, port)}
[pipeline:main]
pipeline = ${pipeline.join(' ')}
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
[filter:s3api]
use = egg:swift#s3api
location = ${REGION}
max_upload_part_num = 10000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
${filters.join('')}`;
}

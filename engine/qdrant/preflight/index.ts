/** What would make a back up or a restore of Qdrant fail. */
import { listed } from '../../errors';
import { clockFindings, finder, findingsOf, proxyFindings, type SetupFinding } from '../../preflight';
import type { QdrantClient } from '../client/client';
import { baseUrl, type QdrantConnection } from '../client/connection';
import { countPoints } from '../server/collectionState';
import { listServerSnapshots } from '../server/lookUp';
import { findPeers, type Topology } from '../server/topology';
import { rightFindings, tokenFindings } from './apiKey';
import { roomFindings } from './room';

/** Younger snapshots may be in use by a run. */
const DAY_MS = 86_400_000;

/** Since 1.8 a server says what a snapshot's checksum is. */
const CHECKSUMS = /^(?:0\.|1\.[0-7]\.)/;

/** @throws BackupError CANCELLED; what else fails is a finding */
export async function checkQdrantSetup(connection: QdrantConnection, signal?: AbortSignal): Promise<SetupFinding[]> {
	const { origin, host } = baseUrl(connection.url);
	const reach = finder('Connection', host, 'backup');
	const proxies = proxyFindings(origin, false);
	const token = tokenFindings(connection.apiKey, host, new Date());
	// Whatever the server would be asked, it would refuse.
	if (token.some(({ level }) => level === 'problem')) return [...token, ...proxies];
	const found = await findingsOf(reach, async () => {
		const topology = await findPeers(connection, 'source', signal);
		const from = new Date();
		const { version, now } = await topology.client.version(signal);
		const collections = await topology.client.collections(signal);
		return [
			reach.ok(`Qdrant ${version} answers, and shows ${collections.length} collections.`),
			...(CHECKSUMS.test(version)
				? [
						finder('Version', host, 'verification').warning(
							`Qdrant ${version} tells no checksums of snapshots, so none can be compared with the server's.`,
							'Update the server to 1.8 or later, one minor version after the other.',
						),
					]
				: []),
			...clockFindings(host, now, { from, to: new Date() }),
			...peerFindings(topology, host),
			...(await rightFindings(topology.client, host, signal)),
			...(await collectionFindings(topology.client, origin, collections, signal)),
			...(await snapshotFindings(connection, host, signal)),
			...roomFindings(await topology.client.telemetry(signal), host),
		];
	});
	return [...token, ...found, ...proxies];
}

function peerFindings({ peers, isCluster }: Topology, host: string): SetupFinding[] {
	if (!isCluster) return [];
	const { ok, problem } = finder('Cluster', host, 'backup');
	const lost = peers.filter(({ client }) => !client).map(({ id, uri }) => uri ?? id);
	if (lost.length === 0) return [ok(`All ${peers.length} peers can be reached.`)];
	return [
		problem(
			`${lost.length} of ${peers.length} peers cannot be reached from n8n, and the shards that only they have neither: ${listed(lost)}.`,
			'Let n8n reach the HTTP port (6333 by default) of each peer, and give their addresses in the option Peer URLs where these differ from those above.',
		),
	];
}

async function collectionFindings(
	client: QdrantClient,
	origin: string,
	names: readonly string[],
	signal: AbortSignal | undefined,
): Promise<SetupFinding[]> {
	const findings: SetupFinding[] = [];
	for (const name of names) {
		const collection = finder('Collection', name, 'backup');
		const found = await findingsOf(collection, async () => {
			const { status, optimizer_status: optimizer } = await client.collection(name, signal);
			const { estimatedBecause } = await countPoints(client, name, signal);
			const { local_shards: local, remote_shards: remote } = await client.collectionCluster(name, signal);
			const ill = [...local, ...remote].filter(({ state }) => state !== 'Active');
			return [
				...(status === 'red'
					? [
							collection.problem(
								`The server reports an error of the collection (red): ${JSON.stringify(optimizer).slice(0, 200)}.`,
								'Look into the log of Qdrant, mend what it names (often a full disk), and restart it.',
							),
						]
					: []),
				...(estimatedBecause === undefined
					? []
					: [
							collection.warning(
								`The collection's strict mode lets its points not be counted, so a backup has the server's estimate of them, and no restore of it is compared with an exact number: ${estimatedBecause}`,
								`curl -X PATCH ${origin}/collections/${encodeURIComponent(name)} -H 'content-type: application/json' -d '{"strict_mode_config":{"enabled":false}}' -- with the header api-key where one is set; or allow exact searches and more reads a minute there (search_allow_exact, read_rate_limit).`,
							),
						]),
				...(ill.length > 0
					? [
							collection.warning(
								`${ill.length} replicas of the collection are not active (${listed([...new Set(ill.map(({ state }) => state))])}).`,
								'Wait until the cluster has recovered them (GET /collections/<name>/cluster shows it), or restart the peer that has them.',
							),
						]
					: []),
			];
		});
		findings.push(...found);
	}
	return findings.length > 0 || names.length === 0
		? findings
		: [
				finder('Collection', listed(names), 'backup').ok(
					'No collection is red, all replicas are active, and points can be counted.',
				),
			];
}

async function snapshotFindings(
	connection: QdrantConnection,
	host: string,
	signal: AbortSignal | undefined,
): Promise<SetupFinding[]> {
	const { warning } = finder('Server Snapshots', host, 'backup');
	const old = (await listServerSnapshots(connection, undefined, signal)).filter(
		({ createdAt }) => createdAt !== undefined && Date.now() - Date.parse(createdAt) > DAY_MS,
	);
	if (old.length === 0) return [];
	const bytes = old.reduce((sum, { size }) => sum + size, 0);
	return [
		warning(
			`${old.length} snapshots that are older than a day take up ${Math.ceil(bytes / 1e6)} MB of the server's disk, where the next one needs room: ${listed(old.map(({ name }) => name))}.`,
			'Look at them with List Server Snapshots, and remove those that nobody needs with Delete Server Snapshots.',
		),
	];
}

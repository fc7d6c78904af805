import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const NODES = join(__dirname, '..', '..', '..', 'nodes');

interface Codex {
	node: string;
	alias: string[];
}

/** What n8n's search knows of each node besides its name, by the node's folder. */
const codexes = new Map(
	readdirSync(NODES)
		.map((name) => ({ name, file: join(NODES, name, `${name}.node.json`) }))
		.filter(({ file }) => existsSync(file))
		.map(({ name, file }) => [name, JSON.parse(readFileSync(file, 'utf8')) as Codex]),
);

const found = (word: string) => [...codexes].filter(([, { alias }]) => alias.includes(word)).map(([name]) => name);

it('every node has search words, each once and in lower case', () => {
	expect(codexes.size).toBeGreaterThanOrEqual(9);
	for (const { node, alias } of codexes.values()) {
		expect(alias.length, node).toBeGreaterThan(5);
		expect([...new Set(alias.map((word) => word.toLowerCase()))].sort(), node).toEqual(alias);
	}
});

it.each<[string, string[]]>([
	['back up', ['FilesArchive', 'MinioMirror', 'N8nExport', 'PostgresDump', 'PostgresPitr', 'QdrantSnapshot']],
	[
		'backup',
		[
			'BackupCopy',
			'BackupReport',
			'FilesArchive',
			'MinioMirror',
			'N8nExport',
			'PostgresDump',
			'PostgresPitr',
			'PostgresWalTrigger',
			'PruneRetention',
			'QdrantSnapshot',
			'VerifyArchive',
		],
	],
	[
		'disaster recovery',
		[
			'BackupCopy',
			'FilesArchive',
			'MinioMirror',
			'N8nExport',
			'PostgresDump',
			'PostgresPitr',
			'PostgresWalTrigger',
			'QdrantSnapshot',
			'VerifyArchive',
		],
	],
	['restore', ['FilesArchive', 'MinioMirror', 'N8nExport', 'PostgresDump', 'PostgresPitr', 'QdrantSnapshot']],
	// Where backups are kept.
	[
		's3',
		[
			'BackupCopy',
			'FilesArchive',
			'MinioMirror',
			'N8nExport',
			'PostgresDump',
			'PostgresPitr',
			'PostgresWalTrigger',
			'PruneRetention',
			'QdrantSnapshot',
			'VerifyArchive',
		],
	],
	[
		'minio',
		[
			'BackupCopy',
			'FilesArchive',
			'MinioMirror',
			'N8nExport',
			'PostgresDump',
			'PostgresPitr',
			'PostgresWalTrigger',
			'PruneRetention',
			'QdrantSnapshot',
			'VerifyArchive',
		],
	],
	[
		'object storage',
		[
			'BackupCopy',
			'FilesArchive',
			'MinioMirror',
			'N8nExport',
			'PostgresDump',
			'PostgresPitr',
			'PostgresWalTrigger',
			'PruneRetention',
			'QdrantSnapshot',
			'VerifyArchive',
		],
	],
	// Prune thins out the archived WAL that this needs.
	['pitr', ['PostgresPitr', 'PostgresWalTrigger', 'PruneRetention']],
	['wal', ['PostgresPitr', 'PostgresWalTrigger', 'PruneRetention']],
	['physical backup', ['PostgresPitr']],
	['vector database', ['QdrantSnapshot']],
	['mirror', ['MinioMirror']],
	['version control', ['N8nExport']],
	['diff', ['N8nExport']],
	['sync', ['BackupCopy', 'MinioMirror']],
	['off-site', ['BackupCopy']],
	['copy backups', ['BackupCopy']],
	['retention', ['PruneRetention']],
	['gfs', ['PruneRetention']],
	['drill', ['VerifyArchive']],
	['prometheus', ['BackupReport']],
	['status page', ['BackupReport']],
	['encryption key', ['N8nExport']],
	['whole n8n', ['N8nExport']],
	// n8n looks for all of what is typed in one of the words.
	['file backup', ['FilesArchive']],
	['backup files', ['FilesArchive']],
	['bucket backup', ['MinioMirror']],
	['s3 backup', ['MinioMirror']],
	['versioning', ['MinioMirror']],
	['n8n backup', ['N8nExport']],
	['backup n8n', ['N8nExport']],
	['workflow backup', ['N8nExport']],
	['backup database', ['PostgresDump']],
	['database backup', ['PostgresDump']],
	['qdrant backup', ['QdrantSnapshot']],
	['delete old backups', ['PruneRetention']],
	['verify backup', ['VerifyArchive']],
])('"%s" finds %j', (word, nodes) => {
	expect(found(word)).toEqual(nodes);
});

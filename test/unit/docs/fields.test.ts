import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
	ICredentialType,
	INodeProperties,
	INodePropertyCollection,
	INodePropertyOptions,
	INodeType,
} from 'n8n-workflow';
import { describe, expect, it } from 'vitest';

import { BackupEncryptionApi } from '../../../credentials/BackupEncryptionApi.credentials';
import { BackupStorageApi } from '../../../credentials/BackupStorageApi.credentials';
import { BackupCopy } from '../../../nodes/BackupCopy/BackupCopy.node';
import { BackupReport } from '../../../nodes/BackupReport/BackupReport.node';
import { FilesArchive } from '../../../nodes/FilesArchive/FilesArchive.node';
import { MinioMirror } from '../../../nodes/MinioMirror/MinioMirror.node';
import { N8nExport } from '../../../nodes/N8nExport/N8nExport.node';
import { PostgresDump } from '../../../nodes/PostgresDump/PostgresDump.node';
import { PostgresPitr } from '../../../nodes/PostgresPitr/PostgresPitr.node';
import { PostgresWalTrigger } from '../../../nodes/PostgresWalTrigger/PostgresWalTrigger.node';
import { PruneRetention } from '../../../nodes/PruneRetention/PruneRetention.node';
import { QdrantSnapshot } from '../../../nodes/QdrantSnapshot/QdrantSnapshot.node';
import { VerifyArchive } from '../../../nodes/VerifyArchive/VerifyArchive.node';

const page = (name: string) => readFileSync(join(__dirname, '..', '..', '..', 'docs', name), 'utf8');

/** The part of a page under a heading of the second level. */
function section(text: string, heading: string): string {
	const [, found = ''] = new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(text) ?? [];
	return found;
}

/** What stands over the names of fields. */
const HEADS = ['field', 'option', 'rule'];

/** Rows of the tables in a text: names of fields, and the default where the table has such a column. */
function rows(text: string): Array<{ fields: string[]; value: string | undefined; isField: boolean }> {
	let defaults = false;
	let isField = false;
	return [...text.matchAll(/^\|(.*)\|$/gm)].flatMap(([, line = '']) => {
		const [first = '', second = ''] = line.split('|').map((cell) => cell.trim());
		if (/^-+$/.test(first)) return [];
		const isHead = HEADS.includes(first);
		if (isHead) defaults = second === 'default';
		if (/^[a-z]/.test(first)) isField = isHead;
		if (isHead) return [];
		return [{ fields: first.split(/, (?:or )?/), value: defaults ? second : undefined, isField }];
	});
}

/** A default as the documentation writes it. */
function written({ type, options, default: value }: INodeProperties): string | undefined {
	if (type === 'boolean') return value ? 'on' : 'off';
	if (type === 'options' && options)
		return options.map((option) => ('value' in option && option.value === value ? option.name : '')).join('');
	if (typeof value === 'number') return String(value);
	if (typeof value === 'string') return value === '' ? '' : `\`${value.replace(/^=/, '')}\``;
	return undefined;
}

/** A field with those inside it, where it is a collection. */
function withInner(property: INodeProperties): INodeProperties[] {
	if (property.type === 'notice') return [];
	if (property.type === 'fixedCollection') {
		const groups = property.options as INodePropertyCollection[];
		return [property, ...groups.flatMap(({ values }) => values.flatMap(withInner))];
	}
	if (property.type !== 'collection') return [property];
	return (property.options as INodeProperties[]).flatMap(withInner);
}

/** A node with its page, and the headings under which the fields of each operation stand. */
interface Documented {
	title: string;
	file: string;
	node: INodeType;
	places: Record<string, string[]>;
}

const NODES: Documented[] = [
	{
		title: 'Backup Copy',
		file: 'backup-copy.md',
		node: new BackupCopy(),
		places: { copyBackups: ['Copy Backups'], compare: ['Compare', 'Copy Backups'] },
	},
	{
		title: 'Backup Report',
		file: 'backup-report.md',
		node: new BackupReport(),
		places: {
			createReport: ['Create Report', 'What is judged, and how'],
			checkAlerts: ['Check Alerts', 'What is judged, and how'],
			getMetrics: ['Get Metrics', 'What is judged, and how'],
			getStatusPage: ['Get Status Page', 'What is judged, and how'],
			checkSetup: ['Check Setup'],
			listRuns: ['List Runs'],
			noteRefusal: ['Note Refusal'],
		},
	},
	{
		title: 'Files Archive',
		file: 'files-archive.md',
		node: new FilesArchive(),
		places: {
			backUp: ['Back Up'],
			restore: ['Restore'],
			checkSetup: ['Check Setup'],
			listBackups: ['List Backups'],
			listEntries: ['List Entries', 'Restore'],
		},
	},
	{
		title: 'MinIO Mirror',
		file: 'minio-mirror.md',
		node: new MinioMirror(),
		places: {
			backUp: ['Back Up Bucket'],
			restore: ['Restore'],
			mirror: ['Mirror'],
			checkSetup: ['Check Setup'],
			listBackups: ['List Backups'],
			listObjects: ['List Objects', 'Restore'],
		},
	},
	{
		title: 'n8n Export',
		file: 'n8n-export.md',
		node: new N8nExport(),
		places: {
			exportWorkflows: ['Export', 'Selection'],
			compareWorkflows: ['Compare', 'Selection'],
			importWorkflows: ['Import', 'Selection'],
			backUpInstance: ['Back Up Instance'],
			restoreInstance: ['Restore Instance'],
			checkSetup: ['Check Setup'],
			checkInstance: ['Check Setup'],
			listBackups: ['List Backups'],
		},
	},
	{
		title: 'Postgres Dump',
		file: 'postgres-dump.md',
		node: new PostgresDump(),
		places: {
			backUp: ['Back Up'],
			restore: ['Restore'],
			// They refer to others for what they share with them.
			import: ['Import', 'Restore'],
			checkSetup: ['Check Setup'],
			listContents: ['List Contents', 'Import', 'Restore'],
			listBackups: ['List Backups'],
		},
	},
	{
		title: 'Postgres PITR',
		file: 'postgres-pitr.md',
		node: new PostgresPitr(),
		places: {
			baseBackup: ['Base Backup'],
			archiveWal: ['Archive WAL'],
			checkSetup: ['Check Setup'],
			createRestorePoint: ['Create Restore Point'],
			dropSlot: ['Drop Slot'],
			listBackups: ['List Backups'],
			listWindows: ['List Recovery Windows'],
			recover: ['Recover'],
			switchWal: ['Switch WAL'],
			takeInWal: ['Take In WAL'],
		},
	},
	{
		title: 'Postgres WAL Trigger',
		file: 'postgres-wal-trigger.md',
		node: new PostgresWalTrigger(),
		places: { follow: ['Follow WAL'] },
	},
	{
		title: 'Prune Retention',
		file: 'prune-retention.md',
		node: new PruneRetention(),
		places: {
			dryRun: ['Dry Run', 'Prune'],
			prune: ['Prune'],
			pinBackup: ['Pin Backup'],
			unpinBackup: ['Unpin Backup'],
		},
	},
	{
		title: 'Qdrant Snapshot',
		file: 'qdrant-snapshot.md',
		node: new QdrantSnapshot(),
		places: {
			backUp: ['Back Up'],
			restore: ['Restore'],
			checkSetup: ['Check Setup'],
			listBackups: ['List Backups'],
			listServerSnapshots: ['List Server Snapshots'],
			deleteServerSnapshots: ['Delete Server Snapshots'],
		},
	},
	{
		title: 'Verify Archive',
		file: 'verify-archive.md',
		node: new VerifyArchive(),
		places: {
			verify: ['Verify', 'Test restores'],
			drill: ['Drill', 'Test restores'],
			checkTrend: ['Check Trend'],
			listBackups: ['List Backups'],
			listVerifications: ['List Verifications'],
		},
	},
];

describe.each(NODES)('the page of $title', ({ file, node, places }) => {
	const text = page(file);
	const fields = node.description.properties;
	// Each resource has its own; where there is no choice, its value is the only one.
	const only = (value: string): INodePropertyOptions[] => [{ name: places[value]?.[0] ?? '', value }];
	const operations = fields
		.filter(({ name }) => name === 'operation')
		.flatMap((field): NonNullable<INodeProperties['options']> => field.options ?? only(field.default as string));

	it('describes every operation', () => {
		for (const option of operations) expect(text).toContain(`\n## ${option.name}\n`);
		const values = new Set(operations.map((option) => ('value' in option ? String(option.value) : '')));
		expect(Object.keys(places).sort()).toEqual([...values].sort());
	});

	it.each(Object.entries(places))('names every field of %s, with its default', (name, headings) => {
		const shown = fields.filter(({ displayOptions }) => displayOptions?.show?.['operation']?.includes(name));
		expect(shown.length).toBeGreaterThan(0);
		const parts = headings.map((heading) => section(text, heading));
		const all = shown.flatMap(withInner);
		for (const field of new Set(all.map(({ displayName }) => displayName))) {
			const properties = all.filter(({ displayName }) => displayName === field);
			// Of sections that have it, the first is the operation's own: another may have a field of the same name.
			const own = parts.map((part) => rows(part).filter((row) => row.fields.includes(field)));
			const found = own.find((list) => list.length > 0) ?? [];
			if (found.length === 0) expect(parts.join('\n').includes(`**${field}**`), field).toBe(true);
			const documented = found.map(({ fields: names, value }) => (names.length === 1 ? value : undefined));
			const defaults = properties.map(written);
			if (found.length > 0 && ![...documented, ...defaults].includes(undefined))
				expect(new Set(documented), field).toEqual(new Set(defaults));
		}
	});

	it('describes no field that there is not', () => {
		for (const [heading, names] of Object.entries(fieldsByHeading(fields, places))) {
			const documented = rows(section(text, heading)).flatMap((row) =>
				row.isField ? row.fields.filter((name) => !name.startsWith('`')) : [],
			);
			expect(
				documented.filter((field) => !names.has(field)),
				heading,
			).toEqual([]);
		}
	});
});

/** The fields that may stand under a heading: those of all operations that have it among theirs. */
function fieldsByHeading(fields: INodeProperties[], places: Documented['places']): Record<string, Set<string>> {
	const found: Record<string, Set<string>> = {};
	for (const [name, headings] of Object.entries(places)) {
		const shown = fields.filter(({ displayOptions }) => displayOptions?.show?.['operation']?.includes(name));
		const names = [...shown, ...shown.flatMap(withInner)].map(({ displayName }) => displayName);
		for (const heading of headings) found[heading] = new Set([...(found[heading] ?? []), ...names]);
	}
	return found;
}

describe('the page of the credentials', () => {
	it.each<[string, ICredentialType]>([
		['Backup Storage', new BackupStorageApi()],
		['Backup Encryption', new BackupEncryptionApi()],
	])('names every field of %s', (heading, credential) => {
		const names = rows(section(page('credentials.md'), heading)).flatMap((row) => row.fields);
		const wanted = credential.properties.flatMap(withInner).map(({ displayName }) => displayName);
		expect(wanted.filter((name) => !names.includes(name))).toEqual([]);
	});
});

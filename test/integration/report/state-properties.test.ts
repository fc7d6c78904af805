import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';

import { FolderStorage, formatManifest, manifestKeyOf, readState, seriesIn, type Manifest } from '../../../engine';
import { listManifests, type ListedBackup } from '../../../engine/archive';
import { weekOfFolder } from '../../../engine/archive/naming';
import { noteLastRun } from '../../../engine/retention/last-runs';
import { removeFolder, temporaryFolder } from '../../services/guard';
import { recordFailure } from '../retention/support';

const HOUR_MS = 3_600_000;
const NOW = new Date('2026-06-01T00:00:00.000Z');
/** As many of a series are looked at one by one. */
const HISTORY = 60;

/** A backup as it is drawn: of few names, servers and folders, so that series have many, and few ids are needed. */
const drawn = fc.record({
	hoursAgo: fc.nat(400),
	name: fc.constantFrom('shop', 'crm'),
	place: fc.constantFrom(
		'postgres',
		'postgres',
		'postgres',
		'production/postgres',
		'weekly/2026_W20',
		'weekly/2026_W21',
	),
	host: fc.constantFrom('db.example.com', undefined),
	system: fc.constantFrom('7001', undefined),
	size: fc.nat(9),
	archive: fc.constantFrom('whole', 'whole', 'whole', 'cut', 'missing'),
	isPartial: fc.boolean(),
	isCheckpoint: fc.constantFrom(false, false, false, true),
	needs: fc.uniqueArray(fc.nat(200), { maxLength: 2 }),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

function manifestOf({ hoursAgo, name, place, host, system, size, ...more }: Drawn, index: number): Manifest {
	const startedAt = new Date(NOW.getTime() - hoursAgo * HOUR_MS).toISOString();
	const needs = more.needs.filter((other) => other !== index).map(idOf);
	return {
		formatVersion: more.isCheckpoint ? 4 : 2,
		id: idOf(index),
		kind: 'postgres',
		name,
		file: `${name}_${index}.sql`,
		folder: place.startsWith('weekly/') ? 'postgres' : place,
		startedAt,
		finishedAt: startedAt,
		source: {
			system: 'postgresql',
			version: '18.0',
			...(host && { host }),
			...(system && { systemIdentifier: system }),
		},
		tool: { name: 'test', version: '1' },
		codec: { name: 'none' },
		encryption: null,
		size: { raw: size, compressed: size, stored: size + 1 },
		sha256: 'a'.repeat(64),
		parts: [],
		counts: { rows: index },
		...(more.isPartial && { partial: { content: 'schema', selection: [] } }),
		...(more.isCheckpoint && { checkpoint: true }),
		...(needs.length > 0 && { needs }),
		options: {},
		warnings: [],
		tags: [],
	};
}

function write(root: string, all: readonly Drawn[]): void {
	for (const [index, one] of all.entries()) {
		const manifest = manifestOf(one, index);
		const key = `${one.place}/${manifest.file}`;
		mkdirSync(dirname(join(root, key)), { recursive: true });
		if (one.archive !== 'missing') {
			writeFileSync(join(root, key), Buffer.alloc(one.archive === 'whole' ? manifest.size.stored : one.size));
		}
		writeFileSync(join(root, manifestKeyOf(key)), formatManifest(manifest));
	}
}

/** The same by all manifests at once. */
async function expected(storage: FolderStorage) {
	const { backups: all } = await listManifests(storage, '', { checkpoints: true });
	const isWhole = ({ foundSize, manifest }: ListedBackup) => foundSize === manifest.size.stored;
	const whole = new Set(all.filter(isWhole).map(({ manifest }) => manifest.id));
	const backups = all.filter(({ manifest }) => !manifest.checkpoint);
	const seriesOf = seriesIn(backups);
	const bytesOf = (some: readonly ListedBackup[]) => some.reduce((sum, { foundSize = 0 }) => sum + foundSize, 0);
	const series = [...new Set(seriesOf.values())].map((id) => {
		const members = backups.filter((backup) => seriesOf.get(backup) === id);
		const isWeekly = ({ folder }: ListedBackup) => weekOfFolder(folder) !== undefined;
		const newest = members
			.toSorted(({ manifest: a }, { manifest: b }) =>
				a.startedAt === b.startedAt ? b.id.localeCompare(a.id) : b.startedAt.localeCompare(a.startedAt),
			)
			.slice(0, HISTORY)
			.map((backup) => ({
				key: backup.key,
				size: backup.manifest.size.stored,
				rows: backup.manifest.counts['rows'],
				isComplete: isWhole(backup),
				lacksNeeded: backup.manifest.needs?.some((needed) => !whole.has(needed)) ?? false,
				isPartial: backup.manifest.partial !== undefined,
			}));
		const counting = newest.some(({ isPartial }) => !isPartial) ? newest.filter(({ isPartial }) => !isPartial) : newest;
		return {
			id,
			backups: members.filter((backup) => !isWeekly(backup)).length,
			weeklyCopies: members.filter(isWeekly).length,
			storedBytes: bytesOf(members),
			newest,
			lastGood: counting.find(({ isComplete, lacksNeeded }) => isComplete && !lacksNeeded)?.key,
		};
	});
	return { series: new Map(series.map((one) => [one.id, one])), storedBytes: bytesOf(all) };
}

async function found(storage: FolderStorage, forForecast: boolean) {
	const { series, storedBytes, catalog } = await readState(storage, { now: NOW, forForecast });
	expect(catalog !== undefined).toBe(forForecast);
	const told = series.map(({ id, backups, weeklyCopies, storedBytes: bytes, newest, lastGood }) => ({
		id,
		backups,
		weeklyCopies,
		storedBytes: bytes,
		newest: newest.map(({ key, facts, isComplete, lacksNeeded }) => ({
			key,
			size: facts.size.stored,
			rows: facts.counts['rows'],
			isComplete,
			lacksNeeded,
			isPartial: facts.partial !== undefined,
		})),
		lastGood: lastGood?.key,
	}));
	return { series: new Map(told.map((one) => [one.id, one])), storedBytes };
}

it('comes to what all manifests together come to, by the stored catalogue as by the manifests', async () => {
	const many = fc.array(drawn, { minLength: 40, maxLength: 250, size: 'max' });
	await fc.assert(
		fc.asyncProperty(many, async (all) => {
			const root = temporaryFolder('state');
			try {
				write(root, all);
				const storage = new FolderStorage({ root });
				const policy = { rules: { last: 3 } };
				const note = { policy, timeZone: 'UTC', prefixes: [], refusal: null, deleted: 0, kept: 0 };
				await noteLastRun(storage, { at: NOW.toISOString(), ...note });
				// The first one reads all manifests, the others the stored catalogue.
				const first = await found(storage, false);
				expect(first).toEqual(await expected(storage));
				expect(await found(storage, false)).toEqual(first);
				expect(await found(storage, true)).toEqual(first);
			} finally {
				removeFolder(root);
			}
		}),
		{ numRuns: 8 },
	);
});

it('counts no increment as good whose whole backup failed its verification, however many came after it', async () => {
	const root = temporaryFolder('state');
	onTestFinished(() => removeFolder(root));
	const base = {
		name: 'shop',
		place: 'postgres',
		host: undefined,
		system: undefined,
		size: 1,
		archive: 'whole',
	} as const;
	const hourly = (index: number): Drawn => {
		const needs = index === 0 ? [] : [0];
		return { ...base, hoursAgo: 100 - index, isPartial: false, isCheckpoint: false, needs };
	};
	write(
		root,
		Array.from({ length: 45 }, (_, index) => hourly(index)),
	);
	const storage = new FolderStorage({ root });
	expect((await found(storage, false)).series.values().next().value?.lastGood).toBe('postgres/shop_44.sql');
	await recordFailure(storage, 'postgres/shop_0.sql');
	expect((await found(storage, false)).series.values().next().value?.lastGood).toBeUndefined();
});

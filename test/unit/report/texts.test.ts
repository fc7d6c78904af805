import { describe, expect, it } from 'vitest';

import {
	DEFAULT_TARGETS,
	findProblems,
	mailHtml,
	markdown,
	metricsText,
	overviewOf,
	plainText,
	resultsOf,
	slackBlocks,
	statusPage,
	type StorageState,
	subjectLine,
	type TextFacts,
} from '../../../engine';
import { series, stateOf, verified } from './states';

const HOSTILE = 'a"><script>alert(1)</script>\n| # <!channel> *x* `y` [z](javascript:1) {z}';

function factsOf(state: StorageState): TextFacts {
	const problems = findProblems(state);
	return { at: state.at, storage: state.storage, problems, overview: overviewOf(state, problems, resultsOf(state)) };
}
const pageOf = (state: StorageState) => {
	const { overview, problems } = factsOf(state);
	return statusPage(state, overview, problems, { title: HOSTILE, targets: DEFAULT_TARGETS, next: undefined });
};

describe('texts of a report', () => {
	const good = stateOf([series([{ hours: 3, more: verified(2) }, { hours: 27 }])]);
	const bad = stateOf([series([{ hours: 3, more: verified(2) }]), series([{ hours: 90 }], { name: HOSTILE })]);

	it('say at once whether everything is safe', () => {
		expect(subjectLine(factsOf(good))).toBe('Backups: it is safe (folder backups)');
		expect(subjectLine(factsOf(bad))).toBe('Backups: 1 of 2 is not safe (folder backups)');
		expect(subjectLine(factsOf(stateOf([])))).toBe('Backups: nothing is safe: there is no backup (folder backups)');
		const unverified = stateOf([series([{ hours: 3 }]), series([{ hours: 3, more: verified(1) }], { name: 'b' })]);
		expect(factsOf(unverified).overview.headline).toBe('All 2 are safe; one thing needs a look');
	});

	it('turn no letters around, link nothing, and show no signs of others', () => {
		const name = '\u202Efdp.exe :white_check_mark: www.example.com http://example.com \ud800';
		const facts = factsOf(stateOf([series([{ hours: 90 }], { name })]));
		const slack = JSON.stringify(slackBlocks(facts));
		for (const text of [plainText(facts), markdown(facts), mailHtml(facts), slack]) {
			expect(text).not.toMatch(/[\u202E\p{Cs}]/u);
			expect(text).toContain('fdp');
		}
		expect(markdown(facts)).toContain('www\\.example.com http\\://example.com');
		expect(slack).not.toContain(':white_check_mark: www');
		expect(slack).toContain('"verbatim":true');
	});

	it('stay short where a manifest that was made up has a name of a megabyte', async () => {
		const state = stateOf([series([{ hours: 90 }], { name: 'x'.repeat(1e6) })]);
		const metrics = await metricsText(state, findProblems(state), { targets: DEFAULT_TARGETS, knownNames: true });
		const facts = factsOf(state);
		for (const text of [plainText(facts), markdown(facts), mailHtml(facts), pageOf(state), metrics]) {
			expect(text.length).toBeLessThan(30_000);
		}
	});

	it('have the figures in each form', () => {
		const facts = factsOf(good);
		for (const text of [
			plainText(facts),
			markdown(facts),
			mailHtml(facts),
			JSON.stringify(slackBlocks(facts)),
			pageOf(good),
		]) {
			expect(text).toContain('postgres shop');
			expect(text).toContain('1.0 MB');
			expect(text).toContain('at most 24 h');
		}
	});

	it('let no name from a storage become markup, lines or calls', () => {
		const facts = factsOf(bad);
		for (const html of [mailHtml(facts), pageOf(bad)]) {
			expect(html).not.toMatch(/<script/i);
			expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
			expect(html).not.toContain('a"><');
		}
		expect(
			plainText(facts)
				.split('\n')
				.some((line) => line.startsWith('| #')),
		).toBe(false);
		const table = markdown(facts)
			.split('\n')
			.filter((line) => line.includes('script'));
		for (const line of table) {
			expect(line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 8).toBe(8);
			expect(line).not.toMatch(/(?<!\\)</);
		}
		const slack = JSON.stringify(slackBlocks(facts));
		expect(slack).not.toContain('<!channel>');
		expect(slack).toContain('&lt;!channel&gt;');
	});

	it('stay within what Slack takes, whatever there is to tell', () => {
		const many = stateOf(
			Array.from({ length: 300 }, (_, index) => series([{ hours: 90 }], { name: `${index}${'é'.repeat(500)}` })),
		);
		const blocks = slackBlocks({ ...factsOf(many), storage: 'x'.repeat(9000) });
		expect(blocks.length).toBeLessThanOrEqual(50);
		for (const block of blocks) {
			if (block.type === 'header') expect(block.text.text.length).toBeLessThanOrEqual(150);
			if (block.type === 'section') expect(block.text.text.length).toBeLessThanOrEqual(3000);
		}
		expect(JSON.stringify(blocks)).toContain('And 585 more.');
	});

	it('tell in a message of changes what is over', () => {
		const cleared = [{ subject: 'postgres shop', message: 'The newest good backup of postgres shop is old.' }];
		const facts = { ...factsOf(good), cleared };
		for (const text of [plainText(facts), markdown(facts), mailHtml(facts), JSON.stringify(slackBlocks(facts))]) {
			expect(text).toContain('The newest good backup of postgres shop is old.');
		}
	});
});

describe('the status page', () => {
	it('loads nothing, runs nothing and describes every picture', () => {
		const days = Array.from({ length: 20 }, (_, day) => ({ hours: 3 + 24 * day, stored: 1_000_000 + day }));
		const html = pageOf(stateOf([series(days), series([{ hours: 3 }], { name: 'b' })]));
		expect(html).not.toMatch(/<script|<link|<img|<iframe|src=|href=|url\(|@import/i);
		const pictures = html.match(/<svg[^>]*>/g) ?? [];
		expect(pictures.length).toBeGreaterThanOrEqual(3);
		for (const picture of pictures) expect(picture).toMatch(/role="img" aria-label="[^"]+"/);
		expect(html).toContain('aria-label="Size of the last 20 backups of postgres shop: 1.0 MB to 1.0 MB"');
		expect(html.match(/<rect /g)).toHaveLength(40);
	});

	it('says how long the room lasts', () => {
		const days = Array.from({ length: 11 }, (_, day) => ({ hours: 24 * day, stored: 1e9 }));
		const html = pageOf(stateOf([series(days)], { freeBytes: 60e9 }));
		expect(html).toContain('Backups take 11.0 GB; 1.0 GB are added each day.');
		expect(html).toContain('60.0 GB are free: enough for 60 days if nothing is deleted.');
	});

	it('shows what retention deletes next, and that it refused', () => {
		const state = stateOf([series([{ hours: 3 }])]);
		const { overview, problems } = factsOf(state);
		const next = {
			lastRun: state.at,
			runs: 1,
			refusals: [] as string[],
			count: 1,
			deletions: [{ key: 'postgres/<b>.sql', startedAt: state.at, size: 2e6, reason: 'no rule keeps it' }],
			freedBytes: 2e6,
			logs: [] as { name: string; kept: number; keptBytes: number; reason: string }[],
			mayBeLocked: false,
		};
		const page = (more: Partial<typeof next>) =>
			statusPage(state, overview, problems, { title: 'x', targets: DEFAULT_TARGETS, next: { ...next, ...more } });
		expect(page({})).toContain('<td>postgres/&lt;b&gt;.sql</td>');
		expect(page({})).not.toContain('Locks');
		expect(page({ mayBeLocked: true })).toContain('Locks of the storage were not asked for');
		expect(page({ count: 0, deletions: [] })).toContain('nothing within a day');
		const logs = [{ name: '<main>', kept: 12, keptBytes: 2e6, reason: 'it is needed' }];
		const line = 'WAL of &lt;main&gt;: 12 archives stay, 2.0 MB: it is needed.';
		expect(page({ logs })).toContain(line);
		expect(page({ logs, count: 0, deletions: [] })).toContain(line);
		const refusals = ['A clock is <wrong>.'];
		expect(page({ refusals })).toContain('A clock is &lt;wrong&gt;.');
		expect(page({ refusals })).not.toContain('<td>postgres/');
		const ofTwo = page({ refusals, runs: 2 });
		expect(ofTwo).toContain('A clock is &lt;wrong&gt;.');
		expect(ofTwo).toContain('<td>postgres/');
		expect(ofTwo).toContain('By the 2 policies of the last prunes');
	});
});

describe('metrics', () => {
	it('have a line for each value that there is, and none for those that are not known', async () => {
		const state = stateOf([series([{ hours: 3 }], { name: HOSTILE })], { freeBytes: undefined, totalBytes: undefined });
		const text = await metricsText(state, findProblems(state), { targets: DEFAULT_TARGETS });
		const values = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
		for (const line of values) expect(line).toMatch(/^stack_backup_[a-z_]+(\{.*\})? -?[0-9.e+]+$/);
		expect(text).toContain('stack_backup_last_success_timestamp_seconds{kind="postgres",name="a\\"><script>');
		expect(text).not.toMatch(/^stack_backup_storage_free_bytes /m);
		expect(text).not.toMatch(/^stack_backup_verified\{/m);
		expect(text).not.toContain('rag_backup');
	});

	it('name the server where two have a database of one name', async () => {
		const of = (origin: string) => series([{ hours: 3 }], { origin });
		const state = stateOf([of('a:5432'), of('b:5432')]);
		const text = await metricsText(state, [], { targets: DEFAULT_TARGETS, knownNames: true });
		expect(text.match(/^stack_backup_success\{.*\} 1$/gm)).toEqual([
			'stack_backup_success{kind="postgres",name="shop",server="a:5432"} 1',
			'stack_backup_success{kind="postgres",name="shop",server="b:5432"} 1',
		]);
		// Names of dashboards that know no servers have one line each.
		expect(text.match(/^postgres_backup_status\{/gm)).toHaveLength(1);
		expect(text.match(/^rag_backup_success\{/gm)).toHaveLength(1);
	});
});

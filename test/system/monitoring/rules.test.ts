import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { allMetrics, MONITORING, monitoringFile, namesGiven, namesIn, promtool } from './promtool';

const FILES = ['prometheus-rules.yml', 'prometheus-rules-known-names.yml'];
const TESTS = readdirSync(join(MONITORING, 'tests')).map((file) => join('tests', file));

const alertsIn = (file: string) => [...monitoringFile(file).matchAll(/- alert: (\w+)/g)].map(([, name]) => name);

it('promtool finds nothing to say of the rules', () => {
	expect(promtool(['check', 'rules', ...FILES.map((file) => join(MONITORING, file))])).toMatchObject({ isGood: true });
});

it('each rule fires when it should, and not when it should not', () => {
	expect(promtool(['test', 'rules', ...TESTS.map((file) => join(MONITORING, file))])).toMatchObject({ isGood: true });
});

it.each(FILES)('there is a test of each rule of %s, in which it fires and in which it does not', (rules) => {
	const tests = TESTS.map(monitoringFile).filter((text) => text.includes(`[../${rules}]`));
	const checks = tests.flatMap((text) => [
		...text.matchAll(/alertname: (\w+)\n\s+eval_time: \w+\n\s+exp_alerts:( \[\])?/g),
	]);
	const seen = (quiet: boolean) =>
		new Set(checks.filter(([, , none]) => (none !== undefined) === quiet).map(([, name]) => name));
	expect([...seen(false)].sort()).toEqual(alertsIn(rules).sort());
	expect([...seen(true)].sort()).toEqual(alertsIn(rules).sort());
});

it.each(FILES)('%s asks for metrics that there are', async (rules) => {
	const given = await namesGiven();
	const asked = namesIn(monitoringFile(rules).replace(/^\s*#.*$/gm, ''));
	expect(asked.filter((name) => !given.has(name))).toEqual([]);
	expect(asked.length).toBeGreaterThan(5);
});

it('promtool finds nothing to say of the metrics, names that would be markup included', async () => {
	expect(promtool(['check', 'metrics'], await allMetrics(false))).toEqual({ isGood: true, output: '' });
});

it('the known names are read as well; of them promtool would only like other names', async () => {
	const { output } = promtool(['check', 'metrics'], await allMetrics(true));
	expect(output.trim().split('\n')).toEqual([expect.stringMatching(/^rag_backup_total_count .*"_count" suffix/)]);
});

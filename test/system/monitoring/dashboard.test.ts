import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';

import type { DashboardJson } from './grafana-schema';
import { monitoringFile, namesGiven, namesIn, promtool } from './promtool';

const TEXT = monitoringFile('grafana-dashboard.json');
const dashboard = JSON.parse(TEXT) as DashboardJson;
const expressions = dashboard.panels.flatMap((panel) =>
	panel.type === 'row' ? [] : panel.targets.map(({ expr }) => expr),
);
const variables = dashboard.templating.list ?? [];

/**
 * What TypeScript says of each of some texts where Grafana's schema wants a dashboard: unknown fields, wrong values, and what is
 * missing.
 */
function schemaErrors(texts: readonly string[]): string[][] {
	const sources = new Map(
		texts.map((json, index) => [
			join(__dirname, `dashboard-as-literal-${index}.ts`),
			`import type { DashboardJson } from './grafana-schema';\nexport const dashboard: DashboardJson = ${json};\n`,
		]),
	);
	const options: ts.CompilerOptions = {
		strict: true,
		noEmit: true,
		skipLibCheck: true,
		target: ts.ScriptTarget.ES2023,
		module: ts.ModuleKind.Node16,
		moduleResolution: ts.ModuleResolutionKind.Node16,
		types: [],
	};
	const host = ts.createCompilerHost(options);
	const { getSourceFile, fileExists } = host;
	host.getSourceFile = (file, ...rest) => {
		const source = sources.get(file);
		return source === undefined
			? getSourceFile(file, ...rest)
			: ts.createSourceFile(file, source, ts.ScriptTarget.ES2023);
	};
	host.fileExists = (file) => sources.has(file) || fileExists(file);
	const program = ts.createProgram([...sources.keys()], options, host);
	return [...sources.keys()].map((name) =>
		ts
			.getPreEmitDiagnostics(program, program.getSourceFile(name))
			.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 500)),
	);
}

it("is what Grafana's schema wants of a dashboard", () => {
	// The check finds what is wrong: a value, a field, an option.
	const faults = [
		['"palette-classic"', '"palette-clasic"'],
		['"gridPos"', '"gridPosition"'],
		['"graphMode"', '"graphModus"'],
	] as const;
	for (const [right] of faults) expect(TEXT).toContain(right);
	const [own, ...wrong] = schemaErrors([TEXT, ...faults.map(([right, fault]) => TEXT.replace(right, fault))]);
	expect(own).toEqual([]);
	expect(wrong.map((errors) => errors.length > 0)).toEqual([true, true, true]);
});

it('asks in queries that Prometheus understands, for metrics that there are', async () => {
	expect(expressions.length).toBeGreaterThan(15);
	const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const rules = expressions.map((expr, index) => ({ record: `panel:${index}`, expr: expr.replaceAll(/\$\w+/g, '.*') }));
	// JSON is YAML as well.
	writeFileSync(join(folder, 'rules.yml'), JSON.stringify({ groups: [{ name: 'panels', rules }] }));
	expect(promtool(['check', 'rules', join(folder, 'rules.yml')])).toMatchObject({ isGood: true });
	const given = await namesGiven();
	const asked = namesIn([...expressions, ...variables.map(({ definition }) => definition ?? '')].join('\n'));
	expect(asked.filter((name) => !given.has(name))).toEqual([]);
});

it('chooses the data source, kinds and names by variables, and names nothing that only one Grafana has', () => {
	expect(variables.map(({ name, type }) => `${type} ${name}`)).toEqual([
		'datasource datasource',
		'query kind',
		'query name',
	]);
	const sources = new Set([...TEXT.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid));
	expect([...sources].sort()).toEqual(['${datasource}', 'stack-backup']);
	const used = new Set(expressions.join().match(/\$\w+/g));
	expect([...used].sort()).toEqual(['$kind', '$name']);
});

it('shows each panel at a place of its own', () => {
	const ids = dashboard.panels.map(({ id }) => id);
	expect(new Set(ids).size).toBe(ids.length);
	const cells = dashboard.panels.flatMap(({ gridPos }) => {
		const { x, y, w, h } = gridPos!;
		expect(x + w).toBeLessThanOrEqual(24);
		return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
	});
	expect(new Set(cells).size).toBe(cells.length);
});

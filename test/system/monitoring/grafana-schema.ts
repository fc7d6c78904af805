/**
 * The types of Grafana's own schema (its foundation SDK, which is generated from it), for a dashboard as it stands in JSON:
 * there a member of an enumeration is its value.
 */
import type { FieldConfig, Panel, RowPanel, Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import type * as stat from '@grafana/grafana-foundation-sdk/stat';
import type * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import type * as table from '@grafana/grafana-foundation-sdk/table';
import type * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

type IsAny<T> = 0 extends 1 & T ? true : false;

/** As JSON has it. */
type Plain<T> =
	IsAny<T> extends true
		? T
		: T extends string
			? `${T}`
			: T extends readonly (infer E)[]
				? Plain<E>[]
				: T extends object
					? { [K in keyof T]: Plain<T[K]> }
					: T;

/** Options and fields that a panel does not set have Grafana's defaults. */
type PanelOf<Type extends string, Options, Custom> = Omit<
	Plain<Panel>,
	'type' | 'targets' | 'options' | 'fieldConfig'
> & {
	type: Type;
	targets: Plain<Omit<Dataquery, '_implementsDataqueryVariant'>>[];
	options: Partial<Plain<Options>>;
	fieldConfig: {
		defaults: Omit<Plain<FieldConfig>, 'custom'> & { custom?: Partial<Plain<Custom>> };
		overrides: Plain<NonNullable<Panel['fieldConfig']>['overrides']>;
	};
};

/** A dashboard of the panels that ours has. */
export type DashboardJson = Omit<Plain<Dashboard>, 'panels'> & {
	panels: (
		| PanelOf<'stat', stat.Options, object>
		| PanelOf<'table', table.Options, table.FieldConfig>
		| PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
		| PanelOf<'state-timeline', statetimeline.Options, statetimeline.FieldConfig>
		| Plain<RowPanel>
	)[];
};

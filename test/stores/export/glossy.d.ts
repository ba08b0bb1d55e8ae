// The package has no types of its own; these are what the tests use of it.
declare module 'glossy' {
  export interface ParsedSyslog {
    readonly prival?: number;
    readonly facilityID?: number;
    readonly severityID?: number;
    readonly type?: string;
    readonly time?: Date;
    readonly host?: string | null;
    readonly appName?: string | null;
    readonly pid?: string | null;
    readonly msgID?: string | null;
    readonly structuredData?: Readonly<Record<string, Readonly<Record<string, string>>>>;
    readonly message?: string;
  }
  export const Parse: { parse(message: string): ParsedSyslog };
}

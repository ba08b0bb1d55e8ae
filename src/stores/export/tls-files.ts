// Certificates and keys of the connections to receivers, read when they are needed.
import { readFileSync } from 'node:fs';
import type { ExportTls } from '../../core/audit/exports.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { codeIn, messageIn } from '../../core/thrown.ts';
import { said, type SendFault } from './transport.ts';

/** As `tls.connect` takes it. */
export interface Identity {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export function identityFrom({ ca, certificate, key }: ExportTls): Result<Identity, SendFault> {
  try {
    return ok({
      ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
      ...(certificate === undefined ? {} : { cert: readFileSync(certificate, 'utf8') }),
      ...(key === undefined ? {} : { key: key.reveal() }),
    });
  } catch (thrown) {
    return err({ code: 'io', detail: said(`a certificate cannot be read: ${codeIn(thrown) ?? messageIn(thrown)}`) });
  }
}

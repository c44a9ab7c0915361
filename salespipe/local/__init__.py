"""An AWS on this machine: moto's control plane, and behind the same API what moto accepts but does not do."""

from chassis.migrate import run_environment
from registry_gateway.tables import Base

run_environment(Base.metadata)

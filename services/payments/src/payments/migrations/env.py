from chassis.migrate import run_environment
from payments.tables import Base

run_environment(Base.metadata)
